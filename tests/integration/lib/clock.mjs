// A program whose clock a test sets: the other side of tests/tools/clock_shim.cc.
import { openSync, writeSync } from "node:fs";
import path from "node:path";
import { findShim } from "./shims.mjs";

export class Clock {
  #seconds = 0;

  constructor(directory) {
    this.path = path.join(directory, "clock");
    this.fd = openSync(this.path, "w+");
    this.set(0);
  }

  // The program's time is ours and so many seconds.
  set(seconds) {
    this.#seconds = seconds;
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds) * 1_000_000_000n);
    writeSync(this.fd, bytes, 0, 8, 0);
  }
  seconds() {
    return Math.floor(Date.now() / 1000) + this.#seconds;
  }

  get environment() {
    const shim = findShim("clock");
    if (!shim) throw new Error("clock_shim.so is not built");
    return { LD_PRELOAD: shim, CLOCK_OFFSET: this.path };
  }
}
