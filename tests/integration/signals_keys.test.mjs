// An identity provider changes its keys (SIGNALS_JWKS): the new one is fetched when a token names
// it, not more often than each 30 s whatever clients send; the old one is of no use any more, and
// streams that are open stay.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeySite, provider } from "./lib/identity_provider.mjs";
import { eventually, inParallel, sleep } from "./lib/patience.mjs";
import { exchange, request } from "./lib/raw.mjs";
import { addSignal, openStream, untilSignals, withSignals } from "./lib/signals.mjs";

const bearer = (token) => ({ Authorization: `Bearer ${token}` });

test("a new key is fetched once, however many ask; the old one goes", async () => {
  const [old, next] = [provider("old"), provider("next")];
  const site = await KeySite.start(old);
  const env = { SIGNALS_JWKS: site.url };
  await withSignals(
    async ({ redis, hub }) => {
      const ask = async (token) =>
        (await exchange(hub, request("GET", "/v1/signals", bearer(token)))).status;
      await eventually(async () => (await ask(old.tokenOf("u"))) === 200, "the old key");
      assert.equal(site.asked, 1);
      const stream = await openStream(hub, { headers: bearer(old.tokenOf("u")) });

      site.show(next);
      // Keys that nobody has, in a crowd: the address is not asked for each.
      await inParallel(200, 20, async (n) => {
        assert.equal(await ask(provider(`nobody's ${n}`).tokenOf("u")), 401);
      });
      assert.ok(site.asked <= 2, `${site.asked} requests for one set`);
      const rotated = async () => {
        await sleep(200);
        return (await ask(next.tokenOf("u"))) === 200;
      };
      await eventually(rotated, "the new key", { timeoutMs: 90_000 });
      assert.equal(site.asked, 2, "it was asked more than once in its time");
      assert.equal(await ask(old.tokenOf("u")), 401, "the old key is still good");

      await addSignal(redis, 1);
      await untilSignals(stream, 1);
      const later = await openStream(hub, { headers: bearer(next.tokenOf("v")) });
      for (const client of [stream, later]) client.close();

      // With the address gone its keys stay.
      site.close();
      assert.equal(await ask(provider("nobody's").tokenOf("u")), 401);
      assert.equal(await ask(next.tokenOf("u")), 200);
    },
    { env },
  );
});
