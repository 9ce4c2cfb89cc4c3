// The long form of tests/integration/pause.test.mjs: the hub stands still for two minutes with
// thousands of clients who are alive, on both backends at once.
//
//   make soak            or   node tests/soak/pause.mjs [--seconds 120] [--clients 3000]
//
// Ends with 1 if a client who answered was closed, or missed a message.
import { parseArgs } from "node:util";
import { pause, pauseSettings } from "../integration/lib/pause.mjs";
import { startServer } from "../integration/lib/server.mjs";
import { endWithVerdict } from "./lib/verdict.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    clients: { type: "string", default: "3000" },
  },
});
const seconds = Number(values.seconds);
const asked = Number(values.clients);
const broken = [];

async function run(backend, shardCount) {
  const cell = `${backend}/${shardCount}`;
  // Long enough for all to be asked before the pause, and over when it is.
  const env = { ...pauseSettings, PONG_SECONDS: String(Math.floor(seconds / 2)) };
  const server = await startServer({ backend, shardCount, env });
  process.on("exit", () => server.kill());
  const load = { asked, sse: 200, ws: 200, seconds };
  const { closed, incomplete, answers } = await pause(server, load);
  console.log(
    `${cell}: stopped for ${seconds} s with ${asked + 400} clients: ${closed} were closed, ` +
      `${incomplete} missed a message; requests that had come meanwhile: ${answers.join(", ")}`,
  );
  if (closed + incomplete > 0 || answers.some((status) => status !== 200)) broken.push(cell);
  await server.stop();
}

await Promise.all([run("uring", 3), run("epoll", 1)]);
endWithVerdict(broken);
