// make docs: writes the tables of docs/OPERATING.md that the program itself knows (settings,
// metrics, log lines) between their marks. tests/integration/documents.test.mjs checks that it was
// done.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const operating = path.join(root, "docs/OPERATING.md");

const cell = (text) => text.replaceAll("|", "\\|");

export const settingsTable = (binary) =>
  execFileSync(binary, ["config", "--markdown"], { encoding: "utf8" });

// From the text of /metrics: each family once, with the labels that its series have.
export function metricsTable(text) {
  const labels = new Map();
  for (const [, name, list] of text.matchAll(/^(livehub_\w+)(?:\{([^}]*)\})? /gm)) {
    const family = name.replace(/_(bucket|sum|count)$/, "");
    const names = [...(list ?? "").matchAll(/(\w+)="/g)].map((match) => match[1]);
    const known = labels.get(family) ?? new Set();
    for (const one of names) if (one !== "le") known.add(one);
    labels.set(family, known);
    if (family !== name && !labels.has(name)) labels.set(name, known);
  }
  const rows = [...text.matchAll(/^# HELP (livehub_\w+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(
    ([, name, help, type]) => {
      const own = [...(labels.get(name) ?? [])].map((one) => `\`${one}\``).join(", ");
      return `| \`${name}\` | ${type} | ${own} | ${cell(help)} |\n`;
    },
  );
  return `| metric | kind | labels | what it is |\n|---|---|---|---|\n${rows.sort().join("")}`;
}

function* sources(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) yield* sources(file);
    else if (entry.name.endsWith(".cc")) yield file;
  }
}

// Every call that writes a line, by its literal texts; "..." stands for what differs.
export function logTable() {
  const rows = new Set();
  const base = path.join(root, "src");
  for (const file of sources(base)) {
    const room = path.relative(base, file).split(path.sep)[0];
    if (room === "base" || room === "tool") continue;
    const text = readFileSync(file, "utf8");
    for (const match of text.matchAll(/\blog_(debug|info|warn|error)\(/g)) {
      const call = callAt(text, match.index + match[0].length);
      const literals = [...call.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((one) => one[1]);
      const begins = /^(?:std::string\()?"/.test(call.trim());
      const words = (begins ? "" : "...") + literals.filter((one) => one.trim()).join("...");
      if (literals.length) rows.add(`| ${match[1]} | ${room} | ${cell(words.trim())} |\n`);
    }
  }
  return `| level | room | line |\n|---|---|---|\n${[...rows].sort().join("")}`;
}

// The argument list that begins at `start`, up to its closing parenthesis.
function callAt(text, start) {
  let depth = 1;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\" && quoted) i++;
    else if (text[i] === '"') quoted = !quoted;
    else if (!quoted && text[i] === "(") depth++;
    else if (!quoted && text[i] === ")" && --depth === 0) return text.slice(start, i);
  }
  return "";
}

// What stands between the marks of a table.
export const marked = (name) => new RegExp(`(<!-- ${name} -->\\n\\n)([^]*?)(\\n<!-- end -->)`);

async function metricsOf(binary) {
  const args = ["serve", "--port", "0", "--admin-port", "auto", "--shards", "1"];
  const env = { PATH: process.env.PATH };
  const hub = spawn(binary, args, { env, stdio: ["ignore", "pipe", "ignore"] });
  try {
    const line = await new Promise((resolve) => hub.stdout.once("data", resolve));
    const [, port] = /admin=(\d+)/.exec(String(line));
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  } finally {
    hub.kill();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const binary = process.argv[2] ?? path.join(root, "build/livehub");
  let text = readFileSync(operating, "utf8");
  const tables = {
    settings: settingsTable(binary),
    metrics: metricsTable(await metricsOf(binary)),
    log: logTable(),
  };
  for (const [name, table] of Object.entries(tables)) {
    text = text.replace(marked(name), (_, head, __, foot) => head + table + foot);
  }
  writeFileSync(operating, text);
}
