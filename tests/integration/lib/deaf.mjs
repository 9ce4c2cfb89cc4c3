// What a broker says, without the messages: its answers pass, so that whoever probes it takes it
// for alive, and what it should deliver is lost. One class for each broker's protocol, to stand in
// a Proxy between broker and client; `isDeaf()` says whether messages are lost now.
import { Transform } from "node:stream";

class Frames extends Transform {
  #rest = Buffer.alloc(0);

  constructor(isDeaf) {
    super();
    this.isDeaf = isDeaf;
  }

  _transform(chunk, encoding, done) {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const size = this.sizeOf(this.#rest);
      if (size < 0 || this.#rest.length < size) break;
      const frame = this.#rest.subarray(0, size);
      this.#rest = this.#rest.subarray(size);
      const heard = this.isDeaf() ? this.without(frame) : frame;
      if (heard.length > 0) this.push(heard);
    }
    done();
  }
}

const none = Buffer.alloc(0);

// Messages of a subscription are dropped; what XREAD found becomes nothing found.
export class DeafRedis extends Frames {
  // The size of the value at `from`; -1: it is not all there.
  sizeOf(bytes, from = 0) {
    const end = bytes.indexOf("\r\n", from);
    if (end < 0) return -1;
    const count = Number(bytes.toString("latin1", from + 1, end));
    let next = end + 2;
    if (bytes[from] === 0x24 /* $ */ && count >= 0) next += count + 2;
    if (bytes[from] === 0x2a /* * */) {
      for (let i = 0; i < count; i++) {
        if (next >= bytes.length) return -1;
        const size = this.sizeOf(bytes, next);
        if (size < 0) return -1;
        next += size;
      }
    }
    return from === 0 ? next : next - from;
  }
  without(frame) {
    const text = frame.toString("latin1", 0, 32);
    if (text.startsWith("*3\r\n$7\r\nmessage\r\n")) return none;
    return /^\*\d+\r\n\*2\r\n\$/.test(text) ? Buffer.from("*-1\r\n") : frame;
  }
}

// What subscriptions deliver is dropped; answers to requests (JetStream's API) pass.
export class DeafNats extends Frames {
  sizeOf(bytes) {
    const end = bytes.indexOf("\r\n");
    if (end < 0) return -1;
    const words = bytes.toString("latin1", 0, end).split(" ");
    return end + 2 + (/^H?MSG$/.test(words[0]) ? Number(words.at(-1)) + 2 : 0);
  }
  without(frame) {
    return /^H?MSG (?!_INBOX\.)/.test(frame.toString("latin1", 0, 16)) ? none : frame;
  }
}

// Notifications are dropped but for those by which a client proves its connection alive.
export class DeafPostgres extends Frames {
  #isSpeaking = false; // before it does, it says in one byte whether it speaks TLS

  sizeOf(bytes) {
    if (bytes.length === 0) return -1;
    if (!this.#isSpeaking && bytes[0] === 0x4e /* N */) return 1;
    this.#isSpeaking = true;
    return bytes.length < 5 ? -1 : 1 + bytes.readUInt32BE(1);
  }
  without(frame) {
    const isNotification = frame[0] === 0x41; // A
    return isNotification && !frame.includes("livehub_alive_") ? none : frame;
  }
}
