// Runs the integration tests on both backends, with one shard and with three, and says at the end
// how many ran of each. What concerns no backend (browsers, settings) runs on fewer cells;
// `cellsOf` says which. Each file is a process of its own with a hard end, so that one that hangs
// costs that file only.
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const help = `The integration tests, on both backends, with one shard and with three.

  node tests/integration/run.mjs [option...] [name...]

A name picks the files that begin with it, on all cells; without one each file runs where it is
worth it. LIVEHUB_BIN is the program (build/livehub).

  --io uring|epoll  this backend only
  --shards N        this number of shards only (1 or 3)
  --full            the long forms too
  --jobs N          so many files at a time
  --verbose         names the tests that passed, and slow ones
  --help            this`;

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");
const { values: options, positionals: names } = understood({
  allowPositionals: true,
  options: {
    help: { type: "boolean", short: "h" },
    full: { type: "boolean" },
    verbose: { type: "boolean" },
    io: { type: "string" },
    shards: { type: "string" },
    jobs: { type: "string" },
  },
});

if (options.help) {
  console.log(help);
  process.exit(0);
}

function understood(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${error.message}\n\n${help}`);
    return process.exit(2);
  }
}

const built = process.env.LIVEHUB_BIN ?? path.join(root, "build/livehub");
if (!existsSync(built)) {
  console.error(`${built} is not there: build it first (make build)`);
  process.exit(2);
}
// A copy, so that whoever builds meanwhile does not change what is tested. Its directory keeps its
// name, which says whether sanitizers are in it.
const scratch = mkdtempSync(path.join(os.tmpdir(), "livehub-run-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const program = path.join(scratch, path.basename(path.dirname(built)), "livehub");
mkdirSync(path.dirname(program));
copyFileSync(built, program);

// Files that do not depend on the whole matrix, with the cells they run on.
const cellsOf = {
  "browser.test.mjs": ["uring/3", "epoll/1"],
  "browser_pg_updates.test.mjs": ["uring/3", "epoll/1"],
  "browser_return.test.mjs": ["uring/1", "epoll/3"],
  "clients_return.test.mjs": ["uring/1", "epoll/3"],
  "websocket_flood.test.mjs": ["uring/1", "epoll/3"],
  "page.test.mjs": ["uring/3", "epoll/1"],
  "dashboards.test.mjs": ["epoll/3"],
  "page_access.test.mjs": ["epoll/1"],
  "page_points.test.mjs": ["epoll/1"],
  "settings.test.mjs": ["uring/1", "epoll/3"],
  "tools.test.mjs": ["uring/1"],
  "tools_stream.test.mjs": ["uring/3", "epoll/1"],
  "tools_push.test.mjs": ["uring/3"],
  "tools_check.test.mjs": ["uring/3"],
  "container.test.mjs": ["epoll/1"],
  "reload.test.mjs": ["uring/3", "epoll/1"],
  "reload_profiles.test.mjs": ["uring/3", "epoll/1"],
  "tools_admin.test.mjs": ["uring/3"],
  "documents.test.mjs": ["epoll/1"],
  "snippets.test.mjs": ["epoll/1"],
  "proxies.test.mjs": ["epoll/1"],
  "conformance_sse.test.mjs": ["uring/3", "epoll/1"],
  "chat.test.mjs": ["uring/3", "epoll/1"],
  "chat_redis.test.mjs": ["uring/3", "epoll/1"],
  "chat_faults.test.mjs": ["uring/3", "epoll/1"],
  "signals.test.mjs": ["uring/3", "epoll/1"],
  "signals_faults.test.mjs": ["uring/3", "epoll/1"],
  "delivery.test.mjs": ["uring/3", "epoll/1"],
  "drop.test.mjs": ["uring/3", "epoll/1"],
  "drop_list.test.mjs": ["uring/3", "epoll/1"],
  "drop_faults.test.mjs": ["uring/3", "epoll/1"],
  "redis_cluster.test.mjs": ["uring/3", "epoll/1"],
  "redis_cut.test.mjs": ["uring/3", "epoll/1"],
  "broker_cut.test.mjs": ["uring/3", "epoll/1"],
  "broker_ipv6.test.mjs": ["uring/3", "epoll/1"],
  "redis_eviction.test.mjs": ["uring/3", "epoll/1"],
  "pg_updates.test.mjs": ["uring/3", "epoll/1"],
  "admin_debug.test.mjs": ["uring/3", "epoll/1"],
  "nats_cluster.test.mjs": ["uring/3", "epoll/1"],
  "nats_cluster_faults.test.mjs": ["uring/3", "epoll/1"],
  "nats_permissions.test.mjs": ["uring/3", "epoll/1"],
  "address_change.test.mjs": ["uring/3", "epoll/1"],
  "chat_files.test.mjs": ["epoll/1"],
  "auth.test.mjs": ["uring/3", "epoll/1"],
  "bench.test.mjs": ["uring/3"],
  "pg_updates_faults.test.mjs": ["uring/3", "epoll/1"],
  "idle.test.mjs": ["uring/3", "epoll/1"],
  "deploy.test.mjs": ["epoll/1"],
  "addresses.test.mjs": ["uring/3", "epoll/1"],
  "hostile.test.mjs": ["uring/3", "epoll/1"],
  "faults.test.mjs": ["uring/3", "epoll/1"],
  "half_open.test.mjs": ["uring/3", "epoll/1"],
  "clock.test.mjs": ["uring/1", "epoll/3"],
  "pause.test.mjs": ["uring/3", "epoll/1"],
  "signals_keys.test.mjs": ["uring/3"],
  "canary.test.mjs": ["uring/3", "epoll/1"],
};
// Files that do little else than wait (for a link to be believed dead, a peer to be given up): they
// have lanes of their own beside those that work.
const patient = ["canary", "half_open", "pause", "chat_faults", "signals_keys", "nats_permissions"];
const patientLanes = 2;
const fileLimitMs =
  (options.full ? 900_000 : 240_000) * Number(process.env.LIVEHUB_TEST_PATIENCE ?? 1);
// Most of the time goes by waiting, so more than there are cores.
const jobs = Number(options.jobs ?? Math.max(4, Math.min(6, os.cpus().length + 2)));

// Whether the kernel allows io_uring, found without our program: io_uring_setup(4, {}) by number.
function kernelAllowsUring() {
  const script =
    "import ctypes,os\nc=ctypes.CDLL(None,use_errno=True)\nb=ctypes.create_string_buffer(256)\n" +
    'r=c.syscall(425,4,b)\nprint("yes" if r>=0 else os.strerror(ctypes.get_errno()))';
  return execFileSync("python3", ["-c", script], { encoding: "utf8" }).trim();
}

const uring = kernelAllowsUring();
const cells = [];
for (const io of ["uring", "epoll"]) {
  for (const shards of [1, 3]) {
    if (options.io && options.io !== io) continue;
    if (options.shards && Number(options.shards) !== shards) continue;
    const skipped =
      io === "uring" && uring !== "yes" ? `the kernel refuses io_uring: ${uring}` : null;
    cells.push({
      io,
      shards,
      skipped,
      name: `${io}/${shards}`,
      passed: 0,
      failed: 0,
      notRun: [],
      ms: 0,
    });
  }
}

const files = readdirSync(here)
  .filter((file) => file.endsWith(".test.mjs"))
  .sort()
  .filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)));
const long = ["timeouts", "clients", "slow_reader", "page", "browser", "drain", "join", "settings"];
const rank = (file) => long.findIndex((name) => file.startsWith(name)) >>> 0;
const work = [];
const waits = [];
for (const file of [...files].sort((a, b) => rank(a) - rank(b))) {
  for (const cell of cells) {
    const whole = names.length > 0 || options.full || !cellsOf[file];
    if (cell.skipped || !(whole || cellsOf[file].includes(cell.name))) continue;
    (patient.includes(file.slice(0, -".test.mjs".length)) ? waits : work).push({ file, cell });
  }
}

function runFile({ file, cell }) {
  return new Promise((resolve) => {
    const args = [
      "--test-reporter",
      path.join(here, "lib/reporter.mjs"),
      "--test-reporter-destination",
      "stdout",
      path.join(here, file),
    ];
    const env = {
      ...process.env,
      LIVEHUB_BIN: program,
      LIVEHUB_TEST_IO: cell.io,
      LIVEHUB_TEST_SHARDS: String(cell.shards),
      LIVEHUB_TEST_FULL: options.full ? "1" : "",
      LIVEHUB_TEST_VERBOSE: options.verbose ? "1" : "",
    };
    const start = Date.now();
    const child = spawn(process.execPath, args, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid, "SIGKILL"); // a group: the file and the servers it started
    }, fileLimitMs);
    child.on("close", (code) => {
      clearTimeout(timer);
      const ms = Date.now() - start;
      const line = /^#counts (.*)$/m.exec(output);
      const counts = line
        ? JSON.parse(line[1])
        : { passed: 0, failed: 0, skipped: [], slowest: [] };
      let text = output.replace(/^#counts .*$/m, "").trim();
      if (late) {
        counts.failed++;
        text += `\n  FAILED: ${file} did not end within ${fileLimitMs / 1000} s`;
      } else if (code !== 0 && counts.failed === 0) {
        counts.failed++;
        text += `\n  FAILED: ${file} ended with code ${code} without saying which test`;
      } else if (counts.passed + counts.failed + counts.skipped.length === 0) {
        counts.failed++;
        text += `\n  FAILED: ${file} ran no test`;
      }
      resolve({ ms, counts, text });
    });
  });
}

async function lane(queue) {
  for (let item = queue.shift(); item; item = queue.shift()) {
    const { ms, counts, text } = await runFile(item);
    const { cell, file } = item;
    cell.passed += counts.passed;
    cell.failed += counts.failed;
    cell.ms += ms;
    cell.notRun.push(...counts.skipped);
    const slow = counts.slowest
      .filter(([t]) => t > 5000)
      .map(([t, name]) => `${(t / 1000).toFixed(0)} s ${name}`);
    console.log(
      `${cell.name} ${file}: ${counts.passed} passed, ${counts.failed} failed` +
        (counts.skipped.length ? `, ${counts.skipped.length} skipped` : "") +
        ` (${(ms / 1000).toFixed(1)} s)` +
        `${slow.length && options.verbose ? `; slow: ${slow.join("; ")}` : ""}`,
    );
    if (text) console.log(text);
  }
}

const start = Date.now();
await Promise.all([
  ...Array.from({ length: jobs }, () => lane(work)),
  ...Array.from({ length: patientLanes }, () => lane(waits)),
]);

const reasons = new Set(cells.flatMap((cell) => cell.notRun));
for (const reason of reasons) console.log(`skipped: ${reason}`);
let failed = 0;
let passed = 0;
for (const cell of cells) {
  failed += cell.failed;
  passed += cell.passed;
  const what = cell.skipped
    ? `not run, ${cell.skipped}`
    : `${cell.passed} passed, ${cell.failed} failed, ${cell.notRun.length} skipped`;
  console.log(`--io ${cell.io} --shards ${cell.shards}: ${what}`);
  if (!cell.skipped && cell.passed + cell.failed === 0) {
    console.log(`FAILED: nothing ran with --io ${cell.io} --shards ${cell.shards}`);
    failed++;
  }
}
const ran = cells
  .filter((cell) => !cell.skipped)
  .map((cell) => `${cell.passed + cell.failed} on ${cell.name}`);
console.log(
  `integration: ${passed} passed, ${failed} failed (ran ${ran.join(", ")}) ` +
    `in ${((Date.now() - start) / 1000).toFixed(0)} s`,
);
process.exit(failed ? 1 : 0);
