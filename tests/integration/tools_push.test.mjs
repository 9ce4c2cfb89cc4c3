// livehub push: lines to messages, with rate, retries, tokens and signatures.
import assert from "node:assert/strict";
import http from "node:http";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { track } from "./lib/cleanup.mjs";
import { binary, startServer, temporaryDirectory, withServer } from "./lib/server.mjs";
import { SseClient } from "./lib/sse.mjs";
import { Tool, runTool } from "./lib/tool.mjs";

const server = await startServer();
after(() => server.stop());

const lines = (count) => Array.from({ length: count }, (_, n) => `{"n":${n}}`);
const summaryOf = (tool) => JSON.parse(tool.stdout);

async function standIn(answer) {
  const requests = [];
  const hub = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text) => {
      body += text;
    });
    request.on("end", () => {
      requests.push({ body, headers: request.headers });
      answer(request, response, requests.length);
    });
  });
  await new Promise((resolve) => hub.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${hub.address().port}/`;
  const close = () => {
    hub.closeAllConnections();
    hub.close();
  };
  track(hub, close);
  return { url, requests, close };
}

test("every line arrives once, in order", async () => {
  const client = await SseClient.open(server);
  const tool = await runTool(["push", server.url, "--json"], {
    input: `${lines(200).join("\n")}\n\n\r\n{"n":200}`,
  });
  assert.equal(tool.exited.code, 0, tool.output);
  assert.equal(summaryOf(tool).accepted, 201);
  await client.untilMessages(201);
  assert.deepEqual(
    client.messages,
    lines(201),
  );
  client.close();
});

test("a refused line is named, the others go on, and it ends with 1", async () => {
  const tool = await runTool(["push", server.url], { input: '{"a":1}\n{bad\n{"b":2}\n' });
  assert.equal(tool.exited.code, 1, tool.output);
  assert.match(tool.stderr, /line 2: status 400: .*Unexpected token b/);
  assert.match(tool.stderr, /2 accepted, 1 refused, 0 not sent, 0 retries in \d/);
});

test("a token comes from the environment or a file, and shows nowhere", async (t) => {
  const file = path.join(temporaryDirectory(t), "token");
  writeFileSync(file, "p4ssword\n");
  await withServer({ env: { LIVE_PUSH_TOKEN: "p4ssword" } }, async (locked) => {
    const input = "1\n";
    for (const env of [{ LIVE_PUSH_TOKEN: "p4ssword" }, { LIVE_PUSH_TOKEN_FILE: file }]) {
      const tool = await runTool(["push", locked.url], { input, env });
      assert.equal(tool.exited.code, 0, tool.output);
      assert.doesNotMatch(tool.output, /p4ssword/);
    }
    const without = await runTool(["push", locked.url], { input: "1\n2\n3\n" });
    assert.equal(without.exited.code, 4, without.output);
    assert.match(without.stderr, /line 1: status 401/);
    assert.doesNotMatch(without.stderr, /line 2/, "the rest would only be refused as well");
    const wrong = await runTool(["push", locked.url], { input, env: { LIVE_PUSH_TOKEN: "x" } });
    assert.equal(wrong.exited.code, 4);
    const typo = await runTool(["push", locked.url, "--token", "p4ssword"], { input });
    assert.equal(typo.exited.code, 2);
    assert.doesNotMatch(typo.output, /p4ssword/);
  });
});

test("signed pushes pass, equal lines too", async () => {
  const env = { LIVE_PUSH_HMAC_SECRET: "k3y" };
  await withServer({ env }, async (strict) => {
    const client = await SseClient.open(strict);
    const input = "1\n1\n1\n1\n2\n1\n";
    const tool = await runTool(["push", strict.url, "--json"], { input, env });
    assert.equal(tool.exited.code, 0, tool.output);
    assert.deepEqual(summaryOf(tool).retries, 0);
    await client.untilMessages(6);
    client.close();
    const unsigned = await runTool(["push", strict.url], { input: "1\n" });
    assert.equal(unsigned.exited.code, 4, unsigned.output);
  });
});

test("more equal lines than there are seconds to sign with wait for the next one", async () => {
  const env = { LIVE_PUSH_HMAC_SECRET: "k3y" };
  await withServer({ env }, async (strict) => {
    const input = "1\n".repeat(122); // 120 seconds are tried
    const tool = await runTool(["push", strict.url, "--json"], { input, env });
    assert.equal(tool.exited.code, 0, tool.output);
    assert.equal(summaryOf(tool).accepted, 122);
  });
});

test("input that cannot be read is a failure, not a Ctrl-C", async () => {
  const command = ["bash", "-c", '"$0" push "$1" </', binary, server.url];
  const tool = new Tool([], { command });
  await tool.end();
  assert.equal(tool.exited.code, 1, tool.output);
  assert.match(tool.stderr, /standard input cannot be read/);
});

test("while the server is away or busy it tries again", async () => {
  const busy = await standIn((_, response, count) => {
    if (count === 1) return response.destroy();
    response.writeHead(count <= 3 ? 503 : 200, { "retry-after": "0" }).end("{}");
  });
  const tool = await runTool(["push", busy.url, "--json"], { input: "1\n" });
  assert.equal(tool.exited.code, 0, tool.output);
  assert.equal(summaryOf(tool).retries, 3);
  assert.deepEqual(
    busy.requests.map((one) => one.body),
    ["1", "1", "1", "1"],
  );
  busy.close();
  const none = await runTool(["push", busy.url, "--retries", "1"], { input: "1\n2\n" });
  assert.equal(none.exited.code, 3, none.output);
  assert.match(none.stderr, /line 1: given up/);
});

test("--rate is kept to", async () => {
  const times = [];
  const hub = await standIn((_, response) => {
    times.push(process.hrtime.bigint());
    response.end("{}");
  });
  const tool = await runTool(["push", hub.url, "--rate", "50"], { input: "1\n".repeat(11) });
  assert.equal(tool.exited.code, 0, tool.output);
  // Ten spaces of 20 ms: it may take longer on a busy machine, never less.
  const took = Number(times.at(-1) - times[0]) / 1e6;
  assert.ok(took > 150, `${took} ms for ten spaces of 20 ms`);
  hub.close();
});

test("lines are pushed as they come, and Ctrl-C ends with a summary", async () => {
  const hub = await standIn((_, response) => response.end("{}"));
  const tool = new Tool(["push", hub.url]);
  tool.child.stdin.write("1\n");
  for (let i = 0; hub.requests.length < 1; i++) {
    assert.ok(i < 3000, "a line on an open pipe was never pushed");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  tool.child.kill("SIGINT");
  await tool.end();
  assert.equal(tool.exited.code, 130, tool.output);
  assert.match(tool.stderr, /1 accepted/);
  hub.close();
});

test("progress is shown on a terminal only", async () => {
  const inputs = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done";
  const line = `(${inputs}) | ${binary} push ${server.url}`;
  const shown = await runTool([], { command: ["script", "-qec", line, "/dev/null"] });
  assert.equal(shown.exited.code, 0, shown.output);
  assert.match(shown.stdout, /\r\x1b\[K\d+ accepted, 0 refused, \d+\/s/);
  assert.match(shown.stdout, /6 accepted, 0 refused, 0 not sent/);
  const piped = await runTool([], { command: ["bash", "-c", line] });
  assert.doesNotMatch(piped.output, /\x1b|\r/);
});
