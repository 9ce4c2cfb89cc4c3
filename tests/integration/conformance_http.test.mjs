// The HTTP vectors of tests/conformance/http_vectors.h, sent to a whole server: the status of each
// answer, how many there are, and whether the connection is kept.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { mustConform } from "./lib/conformance.mjs";
import { startServer } from "./lib/server.mjs";

const server = await startServer();
after(() => server.stop());

for (const [what, count, ...options] of [
  ["whole", 306],
  ["whole, led to routes that read bodies", 306, "--routed"],
  ["byte by byte", 297, "--byte-by-byte"],
  ["byte by byte, led to routes that read bodies", 297, "--byte-by-byte", "--routed"],
]) {
  test(`the HTTP vectors, ${what}`, async () => {
    const counts = await mustConform("http", server, ...options);
    assert.equal(counts, `${count} vectors: ${count} ok, 0 failed`);
  });
}
