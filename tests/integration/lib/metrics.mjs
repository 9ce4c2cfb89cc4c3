// What the program says of itself in /metrics.

export async function metricsText(server) {
  return (await fetch(`${server.adminUrl}/metrics`)).text();
}

// The sum of a metric's series, over all shards and labels, in such a text.
export function sumOf(text, name) {
  const lines = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))];
  if (lines.length === 0) throw new Error(`${name} is not in /metrics`);
  return lines.reduce((sum, [, value]) => sum + Number(value), 0);
}

export const metric = async (server, name) => sumOf(await metricsText(server), name);
