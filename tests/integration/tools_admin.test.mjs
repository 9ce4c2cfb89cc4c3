// livehub top and livehub tap, which stand on docs/ADMIN_API.md.
import assert from "node:assert/strict";
import http from "node:http";
import { after, test } from "node:test";
import { track } from "./lib/cleanup.mjs";
import { eventually } from "./lib/patience.mjs";
import { push } from "./lib/push.mjs";
import { binary, startServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { Tool, runTool } from "./lib/tool.mjs";

const server = await startServer();
after(() => server.stop());
const env = { ADMIN_PORT: String(server.adminPort) };

test("top --once shows this server's state", async () => {
  const client = await SseClient.open(server);
  await client.untilPosition();
  // The state is taken once a second.
  const tool = await eventually(async () => {
    const one = await runTool(["top", "--once"], { env });
    assert.equal(one.exited.code, 0, one.output);
    return /connections {2}SSE 1 /.test(one.stdout) && one;
  }, "the client to be seen");
  assert.match(tool.stdout, new RegExp(`live-data {2}port ${server.port} `));
  client.close();
});

test("a state that cannot be written is a failure", async () => {
  const command = ["bash", "-c", '"$0" top --once >/dev/full', binary];
  const tool = await runTool([], { command, env });
  assert.equal(tool.exited.code, 1, tool.output);
  assert.match(tool.stderr, /^livehub: standard output cannot be written: [^\n]*\n$/);
});

test("top --json is one object a second", async () => {
  const tool = new Tool(["top", "--json"], { env });
  await tool.untilLines(2);
  for (const line of tool.lines.slice(0, 2)) assert.equal(JSON.parse(line).profile, "live-data");
  tool.child.kill("SIGINT");
  await tool.end();
  assert.equal(tool.exited.code, 0, tool.output);
});

test("on a terminal it draws a screen, and leaves it as it was", async () => {
  // The shell waits for a second draw, then ends it as Ctrl-C would.
  const line = `${binary} top & pid=$!; sleep 2.5; kill -INT $pid; wait $pid; echo code $?`;
  const tool = await runTool([], { command: ["script", "-qec", line, "/dev/null"], env });
  assert.match(tool.stdout, /\x1b\[\?1049h/, tool.output);
  assert.match(tool.stdout, /connections/);
  assert.match(tool.stdout, /\x1b\[\?1049l[^]*code 0/);
});

test("tap shows what flows through a channel, whether anybody listens or not", async () => {
  const tool = new Tool(["tap", "live", "--count", "2"], { env });
  const pushing = setInterval(() => push(server, { tapped: true }).catch(() => {}), 100);
  await tool.end().finally(() => clearInterval(pushing));
  assert.equal(tool.exited.code, 0, tool.output);
  assert.deepEqual(tool.lines, ['{"tapped":true}', '{"tapped":true}']);
});

test("tap of a server that says something else is no crash", async () => {
  const odd = http.createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('event: missed\ndata: {"count":"many"}\n\n');
    response.end('data: {"event":null,"text":5,"is_cut":"no"}\n\n');
  });
  await new Promise((resolve) => odd.listen(0, "127.0.0.1", resolve));
  track(odd, () => odd.close());
  const url = `http://127.0.0.1:${odd.address().port}`;
  const tool = await runTool(["tap", "live", "--url", url]);
  assert.deepEqual(tool.exited, { code: 1, signal: null }, tool.output);
});

test("tap --json has the position", async () => {
  const tool = new Tool(["tap", "live", "--count", "1", "--json"], { env });
  const pushing = setInterval(() => push(server, 7).catch(() => {}), 100);
  await tool.end().finally(() => clearInterval(pushing));
  const message = JSON.parse(tool.lines[0]);
  assert.equal(message.text, "7");
  assert.ok(message.position.length > 4);
});

test("nobody there is 3, a server that says no is 4 and hears the token", async () => {
  const tokens = [];
  const locked = http.createServer((request, response) => {
    tokens.push(request.headers.authorization);
    response.writeHead(401).end('{"error":"a token is needed"}');
  });
  track(locked, () => locked.closeAllConnections());
  await new Promise((resolve) => locked.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${locked.address().port}`;
  for (const args of [["top"], ["tap", "live"]]) {
    const tool = await runTool([...args, "--url", url], {
      env: { ADMIN_TOKEN: "a-very-long-s3cret" },
    });
    assert.equal(tool.exited.code, 4, tool.output);
    assert.match(tool.stderr, /status 401: .*set ADMIN_TOKEN/);
    assert.doesNotMatch(tool.output, /s3cret/);
  }
  assert.deepEqual(tokens, ["Bearer a-very-long-s3cret", "Bearer a-very-long-s3cret"]);
  locked.closeAllConnections();
  await new Promise((resolve) => locked.close(resolve));
  for (const args of [["top"], ["tap", "live"]]) {
    assert.equal((await runTool([...args, "--url", url])).exited.code, 3);
  }
  const nowhere = await runTool(["top"], { env: { ADMIN_PORT: "auto" } });
  assert.equal(nowhere.exited.code, 2, nowhere.output);
});
