// Four readers of server-sent events agree: ours (src/wire/sse_parser.h), `livehub tail`, npm's
// eventsource and a browser's EventSource; on the vectors of the standard, cut at every byte, and
// on what this server itself sends.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { EventSource } from "eventsource";
import {
  eventTypes,
  expectedEvents,
  expectedOfNpm,
  readByNpm,
  sseVectors,
} from "../conformance/sse_vectors.mjs";
import { Browser, haveChromium } from "./lib/browser.mjs";
import { track } from "./lib/cleanup.mjs";
import { parseWithOurs } from "./lib/conformance.mjs";
import { inParallel, range } from "./lib/patience.mjs";
import { Publisher } from "./lib/push.mjs";
import { seededRandom } from "./lib/random.mjs";
import { Wire } from "./lib/raw.mjs";
import { full, withServer } from "./lib/server.mjs";
import { runTool } from "./lib/tool.mjs";

// Every vector in every cutting in two; cut 0 is the whole.
const cuttings = sseVectors.flatMap((vector, index) =>
  range(Math.max(1, vector.stream.length)).map((cut) => ({ vector, index, cut })),
);
const pieces = ({ vector, cut }) => {
  const bytes = Buffer.from(vector.stream, "latin1");
  return cut === 0 ? [bytes] : [bytes.subarray(0, cut), bytes.subarray(cut)];
};
const named = ({ vector, cut }) => `${vector.name}, cut at ${cut}`;

// Sends /<number of a cutting>: its pieces apart, then a clean end.
async function startVectorServer() {
  const server = http.createServer((request, response) => {
    response.socket.setNoDelay(true);
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "access-control-allow-origin": "*",
    });
    response.flushHeaders();
    const [first, second] = pieces(cuttings[Number(request.url.slice(1))]);
    response.write(first, () => setTimeout(() => response.end(second), second ? 2 : 0));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  track(server, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

// Runs in Node and in the page: the events of one stream up to its end.
function readToItsEnd(Source, url, types) {
  return new Promise((resolve) => {
    const events = [];
    const source = new Source(url);
    for (const type of types) {
      source.addEventListener(type, (event) => {
        events.push([event.type, event.lastEventId, event.data]);
      });
    }
    // It would come back by itself: the end is an error to it.
    source.onerror = () => {
      source.close();
      resolve(events);
    };
  });
}

test("there are vectors enough, each with another name", () => {
  assert.ok(sseVectors.length >= 60, `${sseVectors.length}`);
  assert.equal(new Set(sseVectors.map((vector) => vector.name)).size, sseVectors.length);
  assert.ok(cuttings.length > 1500, `${cuttings.length}`);
});

test("our parser reads the vectors, cut at every byte", async () => {
  const found = await parseWithOurs(cuttings.map(pieces));
  cuttings.forEach((cutting, i) => {
    const { events, retries } = found[i];
    assert.deepEqual(events, expectedEvents(cutting.vector), named(cutting));
    assert.deepEqual(retries, cutting.vector.retries ?? [], named(cutting));
  });
});

test("npm eventsource reads the vectors, cut at every byte, but for what is known", async () => {
  const origin = await startVectorServer();
  await inParallel(cuttings.length, 16, async (i) => {
    if (!readByNpm(cuttings[i].vector)) return;
    const events = await readToItsEnd(EventSource, `${origin}/${i}`, eventTypes);
    assert.deepEqual(events, expectedOfNpm(cuttings[i].vector), named(cuttings[i]));
  });
});

// A process for each: all cuts are the long form, else some of each vector.
const cutsOfTail = full ? Infinity : 5;
const sampled = cuttings.filter(({ vector, cut }) => {
  const step = Math.max(1, Math.floor(vector.stream.length / cutsOfTail));
  return cut % step === 0;
});

// As `livehub tail --json` shows an event.
const shown = ([type, id, data]) => {
  let value = data;
  try {
    value = JSON.parse(data);
  } catch {
    // a text
  }
  return { ...(id && { id }), ...(type !== "message" && { event: type }), data: value };
};

test("livehub tail reads the vectors, cut at every byte", async () => {
  const origin = await startVectorServer();
  await inParallel(sampled.length, 6, async (i) => {
    const number = cuttings.indexOf(sampled[i]);
    const tool = await runTool(["tail", `${origin}/${number}`, "--once", "--json", "--quiet"]);
    assert.equal(tool.exited.code, 0, `${named(sampled[i])}\n${tool.output}`);
    const found = tool.lines.map((line) => JSON.parse(line));
    assert.deepEqual(found, expectedEvents(sampled[i].vector).map(shown), named(sampled[i]));
  });
});

describe("Chromium", { skip: haveChromium ? false : "no Chromium on this machine" }, () => {
  let browser;
  before(async () => {
    browser = await Browser.start();
  });
  after(() => browser?.close());

  test("EventSource reads the vectors, cut at every byte", async () => {
    const origin = await startVectorServer();
    const tab = await browser.open();
    await tab.evaluate(`window.readToItsEnd = ${readToItsEnd}`);
    // A browser opens six connections to a server.
    const found = await tab.evaluate(
      async (from, count, types) => {
        const all = [];
        let next = 0;
        const lane = async () => {
          while (next < count) {
            const i = next++;
            all[i] = await readToItsEnd(EventSource, `${from}/${i}`, types);
          }
        };
        await Promise.all(Array.from({ length: 6 }, lane));
        return all;
      },
      origin,
      cuttings.length,
      eventTypes,
    );
    cuttings.forEach((cutting, i) => {
      assert.deepEqual(found[i], expectedEvents(cutting.vector), named(cutting));
    });
    await tab.close();
  });

  test("1,000 random messages of this server are the same to all three", async () => {
    await withServer({}, async (server) => {
      const messages = randomMessages(20240501, 1000);
      const url = `${server.url}/api/live`;
      const raw = await openRaw(server);
      const npm = collect(new EventSource(url));
      const tab = await browser.open();
      await tab.evaluate(`window.collect = ${collect}`);
      await tab.evaluate((address) => {
        window.seen = collect(new EventSource(address));
      }, url);
      await npm.opened;
      await tab.evaluate(() => seen.opened.then(() => true));
      const publisher = new Publisher(server, { connections: 1 });
      for (const message of messages) await publisher.push(Buffer.from(message));
      const count = messages.length;
      await raw.wire.until(() => raw.text().includes(messages.at(-1)), "the last message");
      await npm.until(count);
      const browsers = await tab.evaluate(async (n) => {
        await seen.until(n);
        return seen.events;
      }, count);

      const body = raw.body();
      const random = seededRandom(7);
      const [ours] = await parseWithOurs([cutAtRandom(body, random)]);
      assert.deepEqual(
        ours.events.map((event) => event[2]),
        messages,
      );
      assert.equal(new Set(ours.events.map((event) => event[1])).size, count);
      assert.deepEqual(npm.events, ours.events);
      assert.deepEqual(browsers, ours.events);
      npm.source.close();
      publisher.close();
      await tab.close();
    });
  });
});

// Runs in Node and in the page. `opened` is after the position came, which is before any message
// can be missed: the head and the position are one write.
function collect(source) {
  const events = [];
  let changed = () => {};
  source.onmessage = (event) => {
    events.push([event.type, event.lastEventId, event.data]);
    changed();
  };
  return {
    source,
    events,
    opened: new Promise((resolve) => {
      source.onopen = resolve;
    }),
    until: (count) =>
      new Promise((resolve) => {
        changed = () => events.length >= count && resolve();
        changed();
      }),
  };
}

// The stream's bytes as they came, without the chunks of HTTP.
async function openRaw(server) {
  const wire = await Wire.connect(server);
  await wire.send("GET /api/live HTTP/1.1", "Host: hub.test");
  const head = await wire.head();
  assert.equal(head.get("transfer-encoding"), "chunked");
  await wire.until((w) => w.bytes.includes("id: "), "the position");
  const body = () => {
    const parts = [];
    for (let at = 0; ;) {
      const end = wire.bytes.indexOf("\r\n", at);
      const size = Number.parseInt(wire.bytes.subarray(at, end).toString("latin1"), 16);
      if (end < 0 || wire.bytes.length < end + 2 + size + 2) return Buffer.concat(parts);
      parts.push(wire.bytes.subarray(end + 2, end + 2 + size));
      at = end + 2 + size + 2;
    }
  };
  return { wire, body, text: () => body().toString("utf8") };
}

// Compact JSON with what could disturb a stream: other line ends, colons, field names, a BOM,
// characters outside of the basic plane, escapes.
function randomMessages(seed, count) {
  const random = seededRandom(seed);
  const below = (bound) => Math.floor(random() * bound);
  const parts = [
    ...["a", " ", "data: ", "id: 1", "event: gap", "retry: 5", ":", "\n", "\r", "\r\n\r\n", "\n\n"],
    ...["\0", "\u0085", "\u2028", "\u2029", "\ufeff", "é", "€", "😀", "\ud800", '"', "\\", "\t"],
    "\x7f",
  ];
  const words = () =>
    range(below(30))
      .map(() => parts[below(parts.length)])
      .join("");
  const one = (n) => {
    const values = [words(), { n, [words()]: words() }, [n, words()], "x".repeat(below(9000))];
    return JSON.stringify({ n, value: values[below(values.length)] });
  };
  return range(count).map(one);
}

function cutAtRandom(bytes, random) {
  const parts = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * 400);
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}
