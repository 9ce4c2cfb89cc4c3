// Numbers and times as people read them.

const units = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

// 1234 -> "1,234"; 12345 -> "12.3k". Three figures are enough to see a change.
export function count(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e4) {
    for (const [unit, sign] of units)
      if (size >= unit) return `${trimmed(value / unit)}${sign}`;
  }
  if (Number.isInteger(value) || size >= 100) return Math.round(value).toLocaleString("en");
  return trimmed(value);
}

function trimmed(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  let left = value;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (Math.abs(left) < 1000 || unit === "GB") return `${trimmed(left)} ${unit}`;
    left /= 1000;
  }
  return "–";
}

export function milliseconds(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 10_000) return `${trimmed(value / 1000)} s`;
  if (value < 0.995 && value > 0) return `${Math.max(1, Math.round(value * 1000))} µs`;
  return `${trimmed(value)} ms`;
}

export const percent = (share) =>
  Number.isFinite(share) ? `${trimmed(share * 100)} %` : "–";

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${trimmed(seconds)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export const clock = (ms) =>
  new Date(ms).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });

const spelled = { cpu: "CPU", rss: "RSS", io: "I/O", api: "API", db: "DB", http: "HTTP" };

// activeUsers -> "Active users"; latencyP95 -> "Latency p95"; cpu -> "CPU"; load1 -> "Load 1"
export function words(name) {
  const text = name
    .replace(/[_.]+/g, " ")
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([a-z]{3})(\d+)$/, "$1 $2")
    .toLowerCase()
    .trim()
    .replace(/[a-z]+/g, (word) => spelled[word] ?? word);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
