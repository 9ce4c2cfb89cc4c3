// Healthy clients alone and beside somebody else, in turns, a window each. What a machine does by
// itself meets both alike, only adds, and spares some windows: so what is compared are the lower
// quartiles of many windows. Who harms the healthy does it in each window, and so in those too.

const worseMax = 1.2; // what is promised
const slackMs = 0.5; // where all is so fast that the timer's own steps are a fifth of it
const turnsLeast = 5;
// Where the windows alone differ by more (upper quartile over lower), a fifth cannot be seen.
const scatterMax = 2;

// The value that this share of them does not exceed, between two of them where it falls so.
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place % 1);
}

// `alone()` and `beside()` run one window each and give its 99th percentile in ms; they take turns
// for so many minutes, the first one changing.
export async function inTurns({ alone, beside, minutes }) {
  const endMs = Date.now() + minutes * 60_000;
  const found = { alone: [], beside: [] };
  const takeAlone = async () => found.alone.push(await alone());
  const takeBeside = async () => found.beside.push(await beside());
  for (let turn = 0; turn < turnsLeast || Date.now() < endMs; turn++) {
    for (const take of turn % 2 ? [takeBeside, takeAlone] : [takeAlone, takeBeside]) await take();
  }
  return found;
}

// `isWorse`: those beside were slower than promised. `isUnclear`: the machine was too busy to say
// so or the contrary.
export function judge({ alone, beside }) {
  const [before, after] = [quantile(alone, 0.25), quantile(beside, 0.25)];
  const list = (values) =>
    `median ${quantile(values, 0.5).toFixed(2)}: ${values.map((ms) => ms.toFixed(2)).join(" ")}`;
  const isBusy = quantile(alone, 0.75) > scatterMax * before + slackMs;
  const isOver = !(after <= worseMax * before + slackMs);
  // Worse than the worst of the others is no accident, whatever the machine.
  const isWorse = isOver && (!isBusy || after > Math.max(...alone));
  return {
    isWorse,
    isUnclear: isBusy && !isWorse,
    text:
      `99th percentile ${before.toFixed(2)} ms alone, ${after.toFixed(2)} ms beside them ` +
      `(lower quartiles; alone ${list(alone)}; beside ${list(beside)})`,
  };
}
