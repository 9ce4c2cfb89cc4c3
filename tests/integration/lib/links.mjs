// What the program says of its links to brokers, in each of the places where it says it.
import assert from "node:assert/strict";
import { metricsText } from "./metrics.mjs";
import { eventually } from "./patience.mjs";

// /metrics by link, in the order of the program: {name: 1 or 0} of those that readiness needs.
export async function linksUp(server) {
  const text = await metricsText(server);
  const series = (name) =>
    [...text.matchAll(new RegExp(`^${name}\\{link="([^"]+)"\\} (\\d)$`, "gm"))].map(
      ([, link, value]) => [link, Number(value)],
    );
  const needed = new Map(series("livehub_link_needed"));
  return Object.fromEntries(series("livehub_link_up").filter(([link]) => needed.get(link) === 1));
}

// A warning that begins with the link's name, in what the log has said from `from` on.
export function hasWarned(server, link, from = 0) {
  return server.stderr
    .slice(from)
    .split("\n")
    .some((line) => {
      if (!line.startsWith("{") || !line.endsWith("}")) return false; // not one of ours, or half
      const { level, message } = JSON.parse(line);
      return level === "warn" && message.startsWith(`${link}: `);
    });
}

// Trouble that lasts is in readiness, in the metric and in the log, by the link's name.
export async function assertTroubleIsTold(server, ...links) {
  for (const link of links) {
    const isNamed = async () => {
      const { wrong } = await (await fetch(`${server.adminUrl}/ready`)).json();
      return wrong.some((sentence) => sentence.startsWith(`${link}: `));
    };
    await eventually(isNamed, `readiness to name "${link}"`);
    assert.equal((await linksUp(server))[link], 0, `livehub_link_up of "${link}"`);
    await server.until((s) => hasWarned(s, link), `a warning about "${link}"`);
  }
}

// And once it is over, all of them are up.
export async function assertLinksAreUp(server) {
  const links = await linksUp(server);
  assert.ok(Object.keys(links).length > 0, "no link is needed");
  for (const [link, isUp] of Object.entries(links)) assert.equal(isUp, 1, `"${link}" is down`);
}
