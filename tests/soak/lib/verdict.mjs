// How a soak script ends: with its verdict, and with an exit code that run.mjs understands.

// Something that is needed is missing: nothing was tried, so no promise was seen to hold.
export const notRunCode = 3;

export function endWithVerdict(broken) {
  console.log(broken.length ? `BROKEN: ${broken.join("; ")}` : "all promises held");
  process.exit(broken.length ? 1 : 0);
}

export function endNotRun(why) {
  console.log(`NOT RUN: ${why}`);
  process.exit(notRunCode);
}
