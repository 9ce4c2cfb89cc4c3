// How a soak script ends: with its verdict, and with an exit code that run.mjs understands.

// Something that is needed is missing, or the machine was too busy to tell: a promise that was not
// tried was not seen to hold.
export const notJudgedCode = 3;

export function endWithVerdict(broken, unjudged = []) {
  if (broken.length > 0) console.log(`BROKEN: ${broken.join("; ")}`);
  if (unjudged.length > 0) console.log(`NOT JUDGED: ${unjudged.join("; ")}`);
  if (broken.length + unjudged.length === 0) console.log("all promises held");
  process.exit(broken.length > 0 ? 1 : unjudged.length > 0 ? notJudgedCode : 0);
}

export function endNotRun(why) {
  console.log(`NOT RUN: ${why}`);
  process.exit(notJudgedCode);
}
