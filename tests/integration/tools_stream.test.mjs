// livehub tail: SSE and WebSocket, resuming, ending.
import assert from "node:assert/strict";
import http from "node:http";
import { after, test } from "node:test";
import { push } from "./lib/push.mjs";
import { binary, startServer, withServer } from "./lib/server.mjs";
import { Tool, runTool } from "./lib/tool.mjs";
import { track } from "./lib/cleanup.mjs";

const server = await startServer();
after(() => server.stop());

// A server that is not ours, ended with the file if a test fails.
async function standIn(answer) {
  const other = http.createServer(answer);
  track(other, () => {
    other.closeAllConnections();
    other.close();
  });
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${other.address().port}/x`;
}

async function tailing(args, options) {
  const tool = new Tool(["tail", ...args], options);
  await tool.until((t) => /connected to/.test(t.stderr), "its connection");
  return tool;
}
const bare = (url) => url.replace(/\/api.*/, "");

for (const [kind, url] of [
  ["SSE", server.url],
  ["WebSocket", bare(server.wsUrl)],
]) {
  test(`tail shows what is pushed, over ${kind}`, async () => {
    const tool = await tailing([url, "--count", "3"]);
    await push(server, { n: 1 }, [2], "three");
    await tool.end();
    assert.deepEqual(tool.exited, { code: 0, signal: null }, tool.output);
    assert.deepEqual(tool.lines, ['{"n":1}', "[2]", '"three"']);
  });

  test(`tail --json, and going on behind a position, over ${kind}`, async () => {
    const first = await tailing([url, "--json", "--count", "2"]);
    await push(server, { n: 1 }, { n: 2 });
    await first.end();
    const seen = first.lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      seen.map((message) => message.data),
      [{ n: 1 }, { n: 2 }],
    );
    await push(server, { n: 3 });
    const again = await tailing([url, "--json", "--count", "2", "--last-event-id", seen[0].id]);
    await again.end();
    assert.deepEqual(
      again.lines.map((line) => JSON.parse(line).data),
      [{ n: 2 }, { n: 3 }],
    );
  });

  test(`tail comes back after a restart and tells of the gap, over ${kind}`, async () => {
    const hub = await startServer();
    const target = kind === "SSE" ? hub.url : bare(hub.wsUrl);
    const tool = await tailing([target, "--json"]);
    await push(hub, 1);
    await tool.untilLines(1);
    await hub.stop();
    const next = await startServer({ port: hub.port });
    await tool.until((t) => t.stderr.match(/connected to/g).length === 2, "its second connection");
    await push(next, 2);
    await tool.untilLines(3);
    const [one, gap, two] = tool.lines.map((line) => JSON.parse(line));
    assert.equal(one.data, 1);
    assert.equal(gap.event, "gap");
    assert.equal(two.data, 2);
    tool.child.kill("SIGINT");
    await tool.end();
    assert.equal(tool.exited.code, 0, tool.output);
    await next.stop();
  });
}

test("tail comes back to the position of a block without data, or to none", async () => {
  const asked = [];
  const bodies = ["id: 7\n\n", ": nothing\n\n", "id: 8\ndata: 1\n\nid\n\n", ""];
  const url = await standIn((request, response) => {
    asked.push(request.headers["last-event-id"] ?? "");
    if (asked.length > bodies.length) return response.writeHead(204).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(bodies[asked.length - 1]);
  });
  const tool = await runTool(["tail", url]);
  assert.equal(tool.exited.code, 0, tool.output);
  assert.deepEqual(asked, ["", "7", "7", "", ""]);
});

test("--plain gets frames as older clients do", async () => {
  const tool = await tailing([server.wsUrl, "--plain", "--json", "--count", "1"]);
  await push(server, 5);
  await tool.end();
  assert.deepEqual(tool.lines, ['{"data":5}']);
});

test("--once ends with the connection: 3 where nobody is, 4 where the server says no", async () => {
  const gone = await startServer();
  const { url } = gone;
  await gone.stop();
  const none = await runTool(["tail", url, "--once"]);
  assert.equal(none.exited.code, 3, none.output);
  for (const path of ["/nothing", "/api/live/push"]) {
    const tool = await runTool(["tail", server.url + path]);
    assert.equal(tool.exited.code, 4, tool.output);
    assert.match(tool.stderr, /status 404/);
  }
  await withServer({ env: { CORS_ORIGINS: "https://a.example" } }, async (strict) => {
    for (const target of [strict.url, bare(strict.wsUrl)]) {
      const tool = await runTool(["tail", target, "--origin", "https://b.example"]);
      assert.equal(tool.exited.code, 4, tool.output);
      assert.match(tool.stderr, /status 403/);
    }
  });
});

test("Ctrl-C before --count is 130; a reader that goes away is no error", async () => {
  const tool = await tailing([server.url, "--count", "5"]);
  tool.child.kill("SIGINT");
  await tool.end();
  assert.equal(tool.exited.code, 130, tool.output);

  const command = ["bash", "-c", `set -o pipefail; "$0" tail "$1" | head -n 1`, binary, server.url];
  const piped = new Tool([], { command });
  await piped.until((t) => /connected to/.test(t.stderr), "its connection");
  const pushing = setInterval(() => push(server, "again").catch(() => {}), 50);
  await piped.end().finally(() => clearInterval(pushing));
  assert.equal(piped.exited.code, 0, piped.output);
  assert.equal(piped.stdout, '"again"\n');
});

test("a message that cannot be written is a failure", async () => {
  const full = ["bash", "-c", '"$0" tail "$1" --count 1 >/dev/full', binary, server.url];
  const tool = new Tool([], { command: full });
  await tool.until((t) => /connected to/.test(t.stderr), "its connection");
  await push(server, "lost");
  await tool.end();
  assert.equal(tool.exited.code, 1, tool.output);
  assert.match(tool.stderr, /standard output cannot be written: No space left on device/);
});

test("a silent connection is taken for dead", async () => {
  const mute = await standIn((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": connected\n\n");
  });
  const tool = await runTool(["tail", mute, "--silence", "1", "--once"]);
  assert.match(tool.stderr, /nothing came for 1 s/);
});

test("204 ends it, 503 is tried again, retry: is heard", async () => {
  const answers = [503, 200, 204];
  const seen = [];
  const moody = await standIn((request, response) => {
    const status = answers.shift();
    seen.push(request.headers["last-event-id"] ?? "");
    response.writeHead(status, { "content-type": "text/event-stream" });
    response.end(status === 200 ? "retry: 300\nid: p7\ndata: hello\n\n" : "");
  });
  const tool = await runTool(["tail", moody]);
  assert.equal(tool.exited.code, 0, tool.output);
  assert.deepEqual(tool.lines, ["hello"]);
  assert.deepEqual(seen, ["", "", "p7"]);
});

test("on a terminal, control characters of a message do nothing", async () => {
  const evil = await standIn((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end("data: \x1b[2Jcleared\n\n");
  });
  const line = `${binary} tail ${evil} --count 1 --quiet`;
  const tool = await runTool([], { command: ["script", "-qec", line, "/dev/null"] });
  assert.equal(tool.exited.code, 0, tool.output);
  assert.match(tool.stdout, /\?\[2Jcleared/);
  assert.ok(!tool.stdout.includes("\x1b[2J"), tool.output);
});

test("LIVE_TOKEN is sent, and shows nowhere", async () => {
  const tokens = [];
  const locked = await standIn((request, response) => {
    tokens.push(request.headers.authorization);
    response.writeHead(401).end('{"error":"no"}');
  });
  const url = `${locked}?token=also-s3cret`;
  const tool = await runTool(["tail", url], { env: { LIVE_TOKEN: "very-s3cret" } });
  assert.equal(tool.exited.code, 4);
  assert.deepEqual(tokens, ["Bearer very-s3cret"]);
  assert.doesNotMatch(tool.output, /s3cret/);
});
