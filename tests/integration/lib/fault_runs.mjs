// One failing call at a time: at the start and the end of a program each, and while one runs.
// Used by faults.test.mjs (a sample) and tests/soak/faults.mjs (all of them).
import { errorsOf, nameOf } from "./faults.mjs";
import { Watch, endsWell } from "./fault_rounds.mjs";
import { launch } from "./server.mjs";

// A refusal is a sentence of ours and an exit code; so is the end where memory is out.
const sentence = /^livehub: .{10,}/m;
const outOfMemory = /^livehub: out of memory/m;
// There is no going on without memory: these may end the program, with that sentence.
const mayEnd = (site) => site.function === "operator new" || site.function === "mmap";

// The line that says where we listen: who breaks our standard output is not told.
const isOurLine = (site) => site.function === "fflush" && site.module === "livehub";

const key = (site) => `${site.function} ${site.module} ${site.offset}`;
const grown = (before, after) => {
  const calls = new Map(before.map((site) => [key(site), site.calls]));
  return after
    .filter((site) => errorsOf[site.function] && !isOurLine(site))
    .filter((site) => site.calls > (calls.get(key(site)) ?? 0))
    .map((site) => ({ ...site, calls: site.calls - (calls.get(key(site)) ?? 0) }));
};

async function start(table, options) {
  const server = launch({ ...options, env: { ...options.env, ...table.environment } });
  const isDone = (s) => s.exited || /livehub listening.*\n/.test(s.stdout);
  try {
    await server.until(isDone, "start or refusal");
    if (!server.exited) await server.untilListening();
  } catch (failure) {
    server.kill();
    throw failure;
  }
  return server;
}

function refusal(server) {
  const { code, signal } = server.exited;
  // Before main() the C++ library is the one who says it.
  if (signal && /^terminate called .*std::bad_alloc/m.test(server.stderr) && !server.stdout)
    if (!/^\{/m.test(server.stderr)) return "refused: std::bad_alloc, before main()";
  if (signal || code === 0) return `BROKEN: ended by ${signal ?? "code 0"} at the start`;
  if (!sentence.test(server.stderr)) return "BROKEN: refused without a sentence";
  return `refused: ${sentence.exec(server.stderr)[0].slice(9, 100)}`;
}

const howItEnded = (server, site) => {
  const { code, signal } = server.exited;
  if (mayEnd(site) && !signal && code !== 0 && outOfMemory.test(server.stderr))
    return "ended with the sentence on memory";
  return `BROKEN: ended by ${signal ?? `code ${code}`}: ${server.stderr.slice(-300)}`;
};

// What the sites of a start, of a round and of a drain are, from a run without faults.
export async function record(table, options, crowd) {
  table.reset();
  const server = await start(table, options);
  if (server.exited) throw new Error(`refused without a fault\n${server.output}`);
  const watch = new Watch(server, { crowd });
  const started = table.sites();
  await watch.begin();
  await watch.round();
  const ran = table.sites();
  await watch.round();
  watch.close();
  const idle = table.sites();
  const isFine = await endsWell(server);
  if (!isFine) throw new Error(`the run without faults did not end well\n${server.output}`);
  const ended = table.sites();
  return { start: grown([], started), round: grown(started, ran), drain: grown(idle, ended) };
}

// One program, with the fault armed before it starts; what became of it in a few words.
export async function faultAtStart(table, options, site, error, { pass = 0, rounds = 1 } = {}) {
  table.reset();
  table.letFail(site, error, pass);
  const server = await start(table, options).catch(() => null);
  if (!server) return "BROKEN: neither started nor refused";
  if (server.exited) return table.hasFired ? refusal(server) : "BROKEN: ended without the fault";
  const watch = new Watch(server);
  try {
    await watch.begin();
    for (let i = 0; i < rounds; i++) await watch.round();
    if (server.exited) return howItEnded(server, site);
    if (!(await endsWell(server))) return howItEnded(server, site);
    return table.hasFired ? "went on" : "not reached";
  } catch (failure) {
    if (server.exited) return howItEnded(server, site);
    return `BROKEN: ${failure.message.slice(0, 300)}`;
  } finally {
    watch.close();
    server.kill();
  }
}

// Many faults, one after the other, in one program; a new one where a fault has ended it.
export class RunningFaults {
  #server = null;
  #watch = null;

  constructor(table, options, crowd) {
    Object.assign(this, { table, options, crowd });
  }

  async #ready() {
    if (this.#server && !this.#server.exited) return;
    this.table.reset();
    this.#server = await start(this.table, this.options);
    this.#watch = new Watch(this.#server, { crowd: this.crowd });
    await this.#watch.begin();
    await this.#watch.round();
  }

  // What became of it, in a few words.
  async run(site, error, pass = 0) {
    await this.#ready();
    this.table.letFail(site, error, pass);
    try {
      const ends = await this.#watch.round();
      if (!this.table.hasFired) return "not reached";
      await this.#watch.health(); // an end may come a moment after all has been seen
      if (ends > 1) return `BROKEN: ${ends} witnesses lost their connections`;
      return ends ? "went on; that connection ended" : "went on";
    } catch (failure) {
      const server = this.#drop();
      if (server.exited) return howItEnded(server, site);
      server.kill();
      return `BROKEN: ${failure.message.slice(0, 300)}`;
    } finally {
      this.table.disarm();
    }
  }

  #drop() {
    this.#watch.close();
    const server = this.#server;
    this.#server = null;
    return server;
  }

  get pid() {
    return this.#server?.pid;
  }

  // The drain of the program that has seen all this.
  async end() {
    if (!this.#server) return true;
    return endsWell(this.#drop());
  }
}

export const describeFault = (site, error, pass) =>
  `${nameOf(site)} ${error}${pass ? `, call ${pass + 1}` : ""}`;
