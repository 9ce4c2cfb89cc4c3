// Our JSON gate against Node's JSON.parse: the same documents are accepted, an accepted one keeps
// its value and its tokens, and no white space is left between them.
//   node tests/integration/json_gate_node.mjs <path of json_gate_cli> [seed] [documents]
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

const [cli, seedText = "1", countText = "6000"] = process.argv.slice(2);
if (!cli) {
  console.error("usage: json_gate_node.mjs <path of json_gate_cli> [seed] [documents]");
  process.exit(2);
}
const seed = Number(seedText);

// mulberry32: small, seeded, good enough to choose with.
let state = seed >>> 0;
function below(bound) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % bound;
}
const pick = (list) => list[below(list.length)];

const numbers = [
  "0", "-0", "1", "-1", "10", "1.5", "-0.0", "1e2", "1E+2", "1e-2", "1e999", "-1e999",
  "18446744073709551616", "123456789012345678901234567890",
  "0.1000000000000000055511151231257827",
];
const stringParts = [
  "a", " ", "  ", "é", "😀", "\u2028", "\u2029", "\u007f", "\u0085", "\ufeff", "\\n", "\\r\\n",
  "\\\"", "\\\\", "\\/", "\\b", "\\u0000", "\\u000a", "\\ud800", "\\udc00", "\\ud83d\\ude00",
  ",", ":", "{", "]", "//", "'", "data: ",
];
const spaces = ["", "", "", " ", "\n", "\r\n", "\t", "  \n "];

function stringToken() {
  let text = "";
  for (let parts = below(6); parts > 0; --parts) text += pick(stringParts);
  return `"${text}"`;
}

function* valueTokens(depth) {
  const kind = below(depth > 0 ? 7 : 4);
  if (kind === 0) yield pick(["null", "true", "false"]);
  else if (kind === 1) yield pick(numbers);
  else if (kind <= 3) yield stringToken();
  else {
    const isObject = kind <= 5;
    yield isObject ? "{" : "[";
    for (let left = below(5); left > 0; --left) {
      if (isObject) yield* [pick(['"a"', '"b"', '""', '"__proto__"', '"1"', stringToken()]), ":"];
      yield* valueTokens(depth - 1);
      if (left > 1) yield ",";
    }
    yield isObject ? "}" : "]";
  }
}

function makeDocument() {
  let text = pick(spaces);
  for (const token of valueTokens(5)) text += token + pick(spaces);
  return text;
}

const inserts = [
  ..."{}[]\",:\\/.-+eE01 \n\r\t'x", "\0", "\x0b", "\u00a0", "\ufeff", "\u2028", "\\u12", "\\x",
  "NaN", "null", "1.", "01", ",,", "\x1f", "//", "\ufffd", "é",
];

function mutate(text) {
  const characters = [...text];
  for (let edits = 1 + below(3); edits > 0; --edits) {
    const at = below(characters.length + 1);
    const kind = below(4);
    if (kind === 0) characters.splice(at, 1 + below(2));
    else if (kind === 1) characters.splice(at, 0, pick(inserts));
    else if (kind === 2) characters.splice(at, 1, pick(inserts));
    else characters.splice(below(characters.length + 1), 0, ...characters.slice(at, at + 3));
  }
  return characters.join("");
}

const fixed = [
  "", " ", "\ufeff{}", "{}\ufeff", "1e999", "01", "+1", ".5", "1.", "NaN", "-", "- 1",
  "\"\\ud800\"", "\"\u2028\"", "\"\u0000\"", "\u00a01", "[1,]", "{\"a\":1,}",
  "{\"a\":1,\"a\":2}", "{\"__proto__\":1}", "[]]", "1 2", "\"\t\"", "'a'", "nul", "\x0b1",
  "[".repeat(512) + "]".repeat(512), "[".repeat(512),
];

const documents = [...fixed];
while (documents.length < Number(countText)) {
  const text = makeDocument();
  documents.push(text, mutate(text), mutate(text));
}
// A lone surrogate cannot be sent as UTF-8; both sides see what the bytes say.
const wellFormed = documents.map((text) => Buffer.from(text, "utf8").toString("utf8"));

const run = spawnSync(cli, {
  input: wellFormed.map((text) => Buffer.from(text, "utf8").toString("hex") + "\n").join(""),
  encoding: "utf8",
  maxBuffer: 1 << 30,
});
assert.equal(run.status, 0, run.error ? String(run.error) : run.stderr);
const answers = run.stdout.trimEnd().split("\n");
assert.equal(answers.length, wellFormed.length, "one answer for each document");

function parsed(text) {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

function withoutSpace(text) {
  return text.replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/gs, (_, string) => string ?? "");
}

let accepted = 0, refused = 0;
wellFormed.forEach((text, i) => {
  const where = `seed ${seed}, document ${i}: ${JSON.stringify(text)} -> ${answers[i]}`;
  const node = parsed(text);
  assert.equal(answers[i].startsWith("ok "), node.ok, `accepted by one side only; ${where}`);
  if (!node.ok) return void ++refused;
  ++accepted;
  const ours = Buffer.from(answers[i].slice(3), "hex").toString("utf8");
  assert.deepStrictEqual(JSON.parse(ours), node.value, where);
  assert.equal(JSON.stringify(JSON.parse(ours)), JSON.stringify(node.value), where);
  assert.equal(ours, withoutSpace(text), `other tokens than before; ${where}`);
  assert.equal(/[\r\n\0]/.test(ours), false, `more than one line; ${where}`);
});

const counts = `${accepted} accepted and ${refused} refused`;
assert.ok(accepted >= 1000 && refused >= 1000, `too one-sided: ${counts}`);
console.log(`json gate: ${counts} as JSON.parse does (seed ${seed})`);
