// A test that fails leaves its clients open, and they would keep the process alive. Whatever a test
// opens is tracked here and closed after the file's last test.
import { after } from "node:test";

const open = new Set();

// Closing what the test has closed already must be harmless.
export function track(thing, close = () => thing.close()) {
  open.add({ thing, close });
  return thing;
}

after(() => {
  for (const { thing, close } of open) {
    try {
      close(thing);
    } catch {
      // closed already, or half made
    }
  }
});
