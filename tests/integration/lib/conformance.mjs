// The C++ side of the conformance tests: build/tests/conformance_runner.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { binary, root } from "./server.mjs";

// Of the build that is tested: run.mjs copies the program into a directory of the same name.
const runner =
  process.env.LIVEHUB_CONFORMANCE_RUNNER ??
  path.join(root, path.basename(path.dirname(binary)), "tests/conformance_runner");

const patience = String(Math.ceil(Number(process.env.LIVEHUB_TEST_PATIENCE ?? 1)));

// Runs it to its end: {code, output}.
export function runConformance(args, input = "") {
  assert.ok(existsSync(runner), `${runner} is not there: build it first`);
  return new Promise((resolve, reject) => {
    const child = spawn(runner, args, { stdio: ["pipe", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("latin1").on("data", (text) => {
      output += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
    child.stdin.end(input);
  });
}

// Against a server; what failed is in the assertion. Returns the line of counts.
export async function mustConform(command, server, ...args) {
  const fixed = [command, "--port", String(server.port), "--patience", patience];
  const { code, output } = await runConformance([...fixed, ...args]);
  assert.equal(code, 0, `${command} ${args.join(" ")}\n${output}`);
  return output.trim().split("\n").at(-1);
}

// Our parser on streams, each given as its pieces: [{events, retries}].
export async function parseWithOurs(streams) {
  const lines = streams.map((pieces) => pieces.map((piece) => piece.toString("hex")).join(","));
  const { code, output } = await runConformance(["sse"], `${lines.join("\n")}\n`);
  assert.equal(code, 0);
  const text = (hex) => Buffer.from(hex, "hex").toString("utf8");
  const answers = output.split("\n").slice(0, -1);
  assert.equal(answers.length, streams.length);
  return answers.map((line) => {
    const found = { events: [], retries: [] };
    for (const entry of line.split(" ").filter(Boolean)) {
      const [kind, ...values] = entry.split(":");
      if (kind === "retry") found.retries.push(values[0]);
      else found.events.push(values.map(text));
    }
    return found;
  });
}
