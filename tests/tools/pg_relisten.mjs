// Prints what many users of profile pg-updates cost: connections to the database, memory, and how
// long everything is listened to again after the backend was terminated and after a crash, beside
// what psql alone needs for the same names in the same batches: PostgreSQL looks through all names
// it has at each new one, and that is the floor (docs/decisions/2026-11-21-listening-again.md).
//
//   node tests/tools/pg_relisten.mjs [users] [lower|mixed|both]     (20000 both)
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import net from "node:net";
import { createHash, randomBytes } from "node:crypto";
import { cpuSeconds } from "../integration/lib/cpu.mjs";
import { eventually, inParallel } from "../integration/lib/patience.mjs";
import { origin, ready, startHub, token } from "../integration/lib/pg_updates.mjs";
import { Postgres } from "../integration/lib/postgres.mjs";
import { frame, opcode, upgradeRequest } from "../integration/lib/websocket.mjs";

const count = Number(process.argv[2] ?? 20_000);
const spelling = process.argv[3] ?? "both";
// As spread as real ones are: how early two names differ decides what comparing them costs.
const user = (number) => {
  const hex = createHash("md5").update(String(number)).digest("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
};
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(2);

// A socket that counts the frames it gets by their type and keeps nothing else.
class Visitor {
  seen = { auth_required: 0, authenticated: 0, gap: 0, realtime_update: 0 };

  constructor(server, number) {
    this.socket = net.connect(server.port, `127.0.0.${2 + (number % 8)}`).setEncoding("latin1");
    const id = user(number);
    const headers = { Origin: origin, "Sec-WebSocket-Key": randomBytes(16).toString("base64") };
    this.socket.write(upgradeRequest(`/ws?userId=${id}`, headers));
    this.isReady = new Promise((resolve, reject) => {
      this.socket.on("error", reject).on("close", () => {
        this.isClosed = true;
        reject(new Error(`user ${number} was closed`));
      });
      this.socket.on("data", (text) => {
        for (const [, type] of text.matchAll(/"type":"(\w+)"/g)) {
          if (type in this.seen) ++this.seen[type];
          const auth = JSON.stringify({ type: "auth", token: token(id), userId: id });
          if (type === "auth_required") this.socket.write(frame(opcode.text, auth));
          if (type === "authenticated") resolve();
        }
      });
    });
  }
}

const memory = (pid) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1] >> 10;
const isReady = async (hub) => (await ready(hub)).status === 200;

const batchNames = 500; // as PgOptions::batch_names
const tables = { lower: ["usage", "subscription"], mixed: ["Usage", "Subscription"] };
const spelt = spelling === "both" ? [...tables.lower, ...tables.mixed] : tables[spelling];

// The same LISTENs by psql, a batch a query; how many seconds they take.
async function bareSeconds() {
  const all = [];
  for (let n = 0; n < count; n++)
    for (const table of spelt) all.push(`LISTEN "user_${table}_${user(n)}"`);
  const lines = [];
  while (all.length > 0) lines.push(`${all.splice(0, batchNames).join("\\;")};`);
  const file = path.join(os.tmpdir(), `livehub-listen-${process.pid}.sql`);
  writeFileSync(file, lines.join("\n"));
  const begin = performance.now();
  try {
    await postgres.file(file);
    return (performance.now() - begin) / 1000;
  } finally {
    rmSync(file);
  }
}

const postgres = await Postgres.start();
// These clients answer no pings, so none are sent.
const env = { PG_CHANNEL_SPELLING: spelling, PING_SECONDS: "3600" };
const hub = await startHub(postgres, { env });
const names = count * spelt.length;
try {
  const begun = performance.now();
  const visitors = [];
  await inParallel(count, 200, async (number) => {
    const visitor = new Visitor(hub, number);
    visitors.push(visitor);
    await visitor.isReady;
  });
  for (const visitor of visitors) visitor.isReady.catch(() => {});
  console.log(`${count} users authenticated after ${seconds(begun)} s, ${names} names`);
  const ours = "FROM pg_stat_activity WHERE application_name = 'livehub'";
  console.log(`connections to the database: ${await postgres.sql(`SELECT count(*) ${ours}`)}`);
  console.log(`memory of the process: ${memory(hub.pid)} MB`);

  const again = async (what, round, begin) => {
    const all = () => visitors.every((visitor) => visitor.seen.gap >= round || visitor.isClosed);
    await eventually(all, "everybody's gap", { timeoutMs: 120_000, everyMs: 10 });
    const told = seconds(begin);
    await eventually(() => isReady(hub), "readiness");
    const pid = await postgres.sql(`SELECT pid ${ours}`);
    console.log(`${what}: listened to ${names} names again in ${told} s`);
    const bare = await bareSeconds();
    console.log(`  psql alone: ${bare.toFixed(2)} s; ours is ${(told / bare).toFixed(2)} of it`);
    console.log(`  of the core, PostgreSQL's backend took ${cpuSeconds(pid)} s`);
  };
  let begin = performance.now();
  await postgres.terminateOurs();
  await again("backend terminated", 1, begin);
  await postgres.down("SIGQUIT");
  begin = performance.now();
  await postgres.up();
  await again("server crashed (its own start included)", 2, begin);

  begin = performance.now();
  const change = JSON.stringify({ operation: "UPDATE", data: { n: 1 } });
  const start = `user_${spelling === "mixed" ? "Usage" : "usage"}_`;
  await postgres.sql(
    `SELECT pg_notify('${start}' || md5(n::text)::uuid, '${change}')` +
      ` FROM generate_series(0, ${count - 1}) n`,
  );
  const updated = () => visitors.every((visitor) => visitor.seen.realtime_update === 1);
  await eventually(updated, "everybody's update", { timeoutMs: 120_000, everyMs: 10 });
  console.log(`an update for each of ${count} users: all delivered after ${seconds(begin)} s`);
  console.log(`closed meanwhile: ${visitors.filter((visitor) => visitor.isClosed).length}`);
  for (const visitor of visitors) visitor.socket.destroy();
} finally {
  process.stderr.write(hub.stderr.slice(-2000));
  hub.kill();
  await postgres.end();
}
