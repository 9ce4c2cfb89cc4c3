// The most memory that a process had meanwhile.
import { residentBytes } from "../../integration/lib/hostile.mjs";

const everyMs = 100;

export class PeakMemory {
  bytes = 0;
  #timer;

  constructor(pid) {
    const look = () => (this.bytes = Math.max(this.bytes, residentBytes(pid)));
    look();
    this.#timer = setInterval(look, everyMs);
  }

  // To be called before the process ends.
  end() {
    clearInterval(this.#timer);
    return this.bytes;
  }
}

export const megabytes = (bytes) => `${(bytes / 1048576).toFixed(0)} MB`;
