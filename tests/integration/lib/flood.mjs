// A client that sends a vast number of tiny frames on one connection: how many of them the server
// took, how the connection ended, and what that cost the server.
import { cpuSeconds } from "./cpu.mjs";
import { residentBytes } from "./hostile.mjs";
import { Signal, sleep } from "./patience.mjs";
import { WsWire, closePayload, frame, opcode } from "./websocket.mjs";

const batchFrames = 1000;

// What comes back, of which only the end is kept.
class Answers {
  bytes = 0;
  tail = Buffer.alloc(0);
  isOver = false;
  changed = new Signal();

  constructor(socket, early) {
    const add = (data) => {
      this.bytes += data.length;
      this.tail = Buffer.concat([this.tail, data]).subarray(-200);
    };
    const over = () => {
      this.isOver = true;
      this.changed.notify();
    };
    add(early);
    socket.removeAllListeners("data");
    socket.on("data", add).on("end", over).on("close", over);
  }

  // Our close frames have a reason of text, so their head is the last byte that begins one.
  get close() {
    const at = this.tail.lastIndexOf(0x80 | opcode.close);
    if (at < 0 || this.tail.length < at + 4) return null;
    return { code: this.tail.readUInt16BE(at + 2), reason: this.tail.toString("utf8", at + 4) };
  }
}

// Sends `first`, then `tiny` `count` times and a close frame; less if the connection ends before,
// or if nothing is taken any more: fifty other requests were answered, and not a byte went.
// `reads`: whether what comes back is read meanwhile, or only at the end.
export async function flood(server, { first, tiny, count, reads }) {
  const client = await WsWire.open(server);
  const { socket } = client.wire;
  const answers = new Answers(socket, client.wire.bytes);
  if (!reads) socket.pause();
  const batch = Buffer.concat(Array(batchFrames).fill(tiny));
  const cpu = cpuSeconds(server.pid);
  const before = residentBytes(server.pid);
  let peak = before;
  let sent = 0;
  let still = 0;
  if (first) socket.write(first);
  while (sent < count && !answers.isOver && still < 50) {
    const unsent = socket.writableLength;
    if (unsent < 16 * batch.length) {
      socket.write(batch);
      sent += batchFrames;
      if (sent % (16 * batchFrames)) continue;
    }
    await (await fetch(`${server.url}/health`)).text();
    still = unsent > 0 && socket.writableLength >= unsent ? still + 1 : 0;
    peak = Math.max(peak, residentBytes(server.pid));
    await sleep(0);
  }
  const taken = sent - Math.ceil(socket.writableLength / tiny.length);
  socket.write(frame(opcode.close, closePayload(1000)));
  socket.resume();
  await answers.changed.until(() => answers.isOver, "the end of the connection");
  peak = Math.max(peak, residentBytes(server.pid));
  client.destroy();
  const answered = answers.bytes;
  return {
    ...{ taken, isStuck: still >= 50, answered, close: answers.close },
    ...{ grownBytes: peak - before, cpuSeconds: cpuSeconds(server.pid) - cpu },
  };
}
