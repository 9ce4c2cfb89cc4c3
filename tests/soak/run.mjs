// The soak scripts one after the other, each in a process of its own, and what came of each.
//
//   make soak            or   node tests/soak/run.mjs [--minutes N] [name...]
//
// A name picks the scripts that begin with it. Ends with 1 if one of them broke a promise, with 3
// if none did and one could not run or judge.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { notJudgedCode } from "./lib/verdict.mjs";

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "10" } },
});
const here = path.dirname(fileURLToPath(import.meta.url));
// These go on for as long as they are told.
const goesOnFor = new Set(["hostile.mjs", "slow_readers.mjs"]);
const scripts = readdirSync(here)
  .filter((file) => file.endsWith(".mjs") && file !== "run.mjs")
  .filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)));
if (scripts.length === 0) {
  console.error(`no such script: ${names.join(" ")}`);
  process.exit(2);
}
const sayingOf = new Map([
  [0, "all promises held"],
  [notJudgedCode, "NOT RUN, OR NOT JUDGED"],
]);
const outcomes = scripts.map((file) => {
  console.log(`== ${file}`);
  const args = goesOnFor.has(file) ? ["--minutes", values.minutes] : [];
  const start = Date.now();
  const { status } = spawnSync(process.execPath, [path.join(here, file), ...args], {
    stdio: "inherit",
  });
  const seconds = ((Date.now() - start) / 1000).toFixed(0);
  return { file, status, seconds };
});
for (const { file, status, seconds } of outcomes)
  console.log(`${file}: ${sayingOf.get(status) ?? "BROKEN"} (${seconds} s)`);
const count = (isSuch) => outcomes.filter(({ status }) => isSuch(status)).length;
const held = count((status) => status === 0);
const unjudged = count((status) => status === notJudgedCode);
const broken = outcomes.length - held - unjudged;
console.log(`${outcomes.length} scripts: ${held} held, ${broken} broken, ${unjudged} not judged`);
process.exit(broken ? 1 : unjudged ? notJudgedCode : 0);
