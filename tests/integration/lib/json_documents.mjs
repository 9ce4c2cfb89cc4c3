// Documents for the JSON gate: valid ones of every shape with odd spacing and spelling, and the
// same with a fault. The seed makes a run repeatable.
import { seededRandom } from "./random.mjs";

const atoms = [
  "null",
  "true",
  "false",
  "0",
  "-0",
  "0.0",
  "-0.5E-7",
  "1e999",
  "123456789012345678901234567890",
  "1E+2",
  '""',
  '"a"',
  '"\\u0041\\n\\"\\\\\\/"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\u007f\u2028\u{1F600}é"',
  '"__proto__"',
  '"a b\\tc"',
  "[]",
  "{}",
  "[ ]",
  "{ }",
];
const faults = [
  "nul",
  "NaN",
  "Infinity",
  "-",
  "+1",
  "01",
  "1.",
  ".5",
  "1e",
  "0x1",
  "'a'",
  '"a',
  '"\\x"',
  '"\\u12g4"',
  '"\t"',
  '"\n"',
  "[1,]",
  "[,1]",
  '{"a":1,}',
  "{a:1}",
  '{"a"}',
  '{"a":}',
  "[1 2]",
  '{"a":1 "b":2}',
  "]",
  "}",
  "[}",
  "1 2",
  "// c\n1",
  "/* c */1",
  "\u00a01",
  "\u20281",
  "\v1",
  "\f1",
  "undefined",
  '"\\',
  "\\u0031",
  '"\u0000"',
];

export function* jsonDocuments(count, seed) {
  const random = seededRandom(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const space = () => pick(["", "", "", " ", "\n", "\r\n", "\t", "  \n "]);
  const key = () => pick(['"a"', '"a"', '"key"', '""', '"\\u0061"', '"long key \\n"', '"1"']);
  const value = (depth) => {
    const kind = depth <= 0 ? 0 : random();
    if (kind < 0.4) return pick(atoms);
    const size = Math.floor(random() * 4);
    const items = Array.from({ length: size }, () => {
      const inner = `${space()}${value(depth - 1)}${space()}`;
      return kind < 0.7 ? inner : `${space()}${key()}${space()}:${inner}`;
    });
    const body = items.length ? items.join(",") : space();
    return kind < 0.7 ? `[${body}]` : `{${body}}`;
  };
  const broken = (text) => {
    const at = Math.floor(random() * (text.length + 1));
    const how = random();
    if (how < 0.3) return text.slice(0, at);
    if (how < 0.6) return text.slice(0, at) + text.slice(at + 1);
    if (how < 0.8)
      return (
        text.slice(0, at) +
        pick([",", ":", '"', "}", "]", "\\", "\n", "0", "e", "-", "\u00a0"]) +
        text.slice(at)
      );
    return text.replace(/null|true|\d+|""/, () => pick(faults));
  };
  const document = (n) => {
    if (n < atoms.length) return atoms[n];
    if (n < atoms.length + faults.length) return faults[n - atoms.length];
    return n % 5 < 2 ? space() + value(5) + space() : broken(space() + value(4) + space());
  };
  // Through a buffer, since a cut may have left half of a surrogate pair, which has no bytes.
  for (let n = 0; n < count; n++) yield Buffer.from(document(n)).toString("utf8");
}

// The document's own tokens without the white space between them.
export function minified(text) {
  return text.replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g, (_, string) => string ?? "");
}
