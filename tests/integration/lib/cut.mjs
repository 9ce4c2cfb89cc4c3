// Cuts a broker's line at a byte of the test's choice: what the broker says passes, until the text
// `cut.at` has come and `cut.offset` more bytes from its beginning; there the line ends, once. With
// `cut.isFirst` only what begins a reply is meant.
// Stands in a Proxy (lib/proxy.mjs) between broker and client.
import { Transform } from "node:stream";
import { eventually } from "./patience.mjs";
import { Proxy } from "./proxy.mjs";

class Cutter extends Transform {
  #rest = Buffer.alloc(0); // may be the beginning of what is waited for

  constructor(cut) {
    super();
    this.cut = cut;
  }

  _transform(chunk, encoding, done) {
    const { cut } = this;
    if (!cut.at) {
      this.push(Buffer.concat([this.#rest, chunk]));
      this.#rest = Buffer.alloc(0);
      return done();
    }
    const all = Buffer.concat([this.#rest, chunk]);
    const place = all.indexOf(cut.at);
    const found = cut.isFirst && place > 0 ? -1 : place;
    const end = found + cut.offset;
    if (found < 0 || all.length < end) {
      // Whole lines that cannot belong to it go on.
      const passed = found < 0 ? Math.max(0, all.length - cut.at.length - 8) : 0;
      this.push(all.subarray(0, passed));
      this.#rest = all.subarray(passed);
      if (found < 0) this.#flushSoon();
      return done();
    }
    cut.at = null;
    cut.count++;
    this.#rest = Buffer.alloc(0); // a part of `all`: not to be flushed behind the cut
    this.push(all.subarray(0, end));
    // When that has gone out: the proxy ends both lines.
    setTimeout(() => this.destroy(), 50);
    return undefined; // nothing more passes
  }

  // What was held back and turns out to be something else must not wait for the next reply.
  #flushSoon() {
    setTimeout(() => {
      if (this.destroyed || !this.#mayPass()) return;
      this.push(this.#rest);
      this.#rest = Buffer.alloc(0);
    }, 2);
  }
  #mayPass() {
    const { at } = this.cut;
    if (!at) return true;
    const text = this.#rest.toString("latin1");
    for (let size = Math.min(at.length - 1, text.length); size > 0; size--)
      if (text.endsWith(at.slice(0, size)) && size > 4) return false;
    return true;
  }
}

// A proxy to the broker; `cut.at = text` arms it, `cut.count` says how often it has cut.
export async function cuttingProxy(broker) {
  const cut = { at: null, offset: 0, isFirst: false, count: 0 };
  const proxy = await Proxy.start(broker, { through: () => new Cutter(cut) });
  return { proxy, cut };
}

// Has the line end there while `write()` makes the broker say it; it is made anew at the end.
export async function throughCut({ cut, proxy }, text, offset, write) {
  const before = { cuts: cut.count, links: proxy.accepted };
  cut.offset = offset;
  cut.at = text;
  await write();
  await eventually(() => cut.count === before.cuts + 1, "the cut");
  await eventually(() => proxy.accepted > before.links, "a new connection");
}
