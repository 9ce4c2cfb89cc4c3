// Libraries that tests preload before the program (tests/tools/*_shim.cc).
import { existsSync } from "node:fs";
import path from "node:path";
import { binary, root, sanitized } from "./server.mjs";

// Why a test with one cannot run; false where it can.
export const skipShims = sanitized ? "a preloaded library does not go with sanitizers" : false;

// Of the build that is tested: run.mjs copies the program into a directory of that name.
const build = path.basename(path.dirname(binary));

// Undefined where it is not built.
export const findShim = (name) =>
  [build, "build"]
    .map((directory) => path.join(root, directory, `tests/${name}_shim.so`))
    .find((file) => existsSync(file));
