// Runs the program of docs/examples/embed.cc as its reader would: a line that is said reaches the
// feed.
import assert from "node:assert";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const program = spawn(process.argv[2], [], { stdio: ["ignore", "pipe", "inherit"] });
const ended = new Promise((resolve) => program.once("exit", resolve));
try {
  const lines = createInterface({ input: program.stdout });
  const first = await new Promise((resolve) => lines.once("line", resolve));
  const port = Number(/^listening on (\d+)$/.exec(first)[1]);
  const feed = await fetch(`http://127.0.0.1:${port}/feed`);
  assert.equal(feed.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const say = (line) => fetch(`http://127.0.0.1:${port}/say`, { method: "POST", body: line });
  assert.equal((await say("hello")).status, 204);
  assert.equal((await say("two\nlines")).status, 400);
  assert.equal((await fetch(`http://127.0.0.1:${port}/else`)).status, 404);
  let text = "";
  for await (const bytes of feed.body) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("\n\n")) break;
  }
  assert.match(text, /^id: [0-9a-f-]+\ndata: hello\n\n$/);
} finally {
  program.kill("SIGTERM");
}
assert.equal(await ended, 0);
console.log("1 passed, 0 failed");
