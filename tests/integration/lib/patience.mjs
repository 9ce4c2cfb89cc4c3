// Waiting for a condition instead of for a time. A deadline here is only for a server that will
// never answer; it says nothing about speed, so it is long, and longer still for sanitizer builds.

const factor = Number(process.env.LIVEHUB_TEST_PATIENCE ?? 1);

export const patienceMs = 30_000 * factor;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Wakes those who wait for a condition, whenever its owner says that something changed.
export class Signal {
  #waiters = new Set();

  notify() {
    for (const waiter of [...this.#waiters]) waiter();
  }

  // Resolves with the first truthy value of `condition()`; rejects after `timeoutMs` with `what`,
  // which may be a function so that it can tell what was there instead.
  until(condition, what, timeoutMs = patienceMs) {
    return new Promise((resolve, reject) => {
      const settle = (finish, value) => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        finish(value);
      };
      const check = () => {
        try {
          const value = condition();
          if (value) settle(resolve, value);
        } catch (error) {
          settle(reject, error);
        }
      };
      const timer = setTimeout(() => {
        const text = typeof what === "function" ? what() : what;
        settle(reject, new Error(`waited ${timeoutMs} ms in vain for ${text}`));
      }, timeoutMs);
      this.#waiters.add(check);
      check();
    });
  }
}

// The same for conditions that nobody announces: asks again every `everyMs`.
export async function eventually(condition, what, { timeoutMs = patienceMs, everyMs = 25 } = {}) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: last });
    }
    await sleep(everyMs);
  }
}

// Runs `task(i)` for i in 0..count-1, at most `width` at a time. The first failure ends it.
export async function inParallel(count, width, task) {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

export const range = (count, from = 0) => Array.from({ length: count }, (_, i) => from + i);
