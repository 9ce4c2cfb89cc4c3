// A million tiny frames on one connection: it is closed, whether it reads the answers or not, and
// the memory of it is not noticed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { flood } from "./lib/flood.mjs";
import { sanitized, startServer } from "./lib/server.mjs";
import { frame, opcode } from "./lib/websocket.mjs";

const many = 1_000_000;
const bytesMost = 2_000_000;
const first = frame(opcode.text, "a", { fin: false });
const part = (payload) => frame(opcode.continuation, payload, { fin: false });
const fragments = "a message of too many fragments";
const kinds = [
  ["fragments", { first, tiny: part("b") }, fragments],
  ["empty continuations", { first, tiny: part("") }, fragments],
  ["pings", { tiny: frame(opcode.ping) }, "too many pings"],
  ["pongs", { tiny: frame(opcode.pong) }, "too many pings"],
];

// However slow this machine is, what was sent into the end of a connection is discarded, not reset.
const server = await startServer({ env: { CLOSE_SECONDS: "60" } });
after(() => server.stop());

// What a process takes once, for the first of a kind, is no growth.
before(async () => {
  for (const [, frames] of kinds) await flood(server, { ...frames, count: 5000, reads: true });
});

for (const [name, frames, reason] of kinds) {
  for (const reads of [true, false]) {
    test(`a million ${name}, answers ${reads ? "" : "not "}read: closed with 1008`, async () => {
      const { close, grownBytes, ...rest } = await flood(server, { ...frames, count: many, reads });
      assert.deepEqual(close, { code: 1008, reason }, JSON.stringify(rest));
      if (!sanitized) assert.ok(grownBytes < bytesMost, `it grew by ${grownBytes} bytes`);
    });
  }
}
