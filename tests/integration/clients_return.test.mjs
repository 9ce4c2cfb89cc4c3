// Every kind of client that people have: 1,000 messages in order over a cut of the line, and over a
// restart of the hub. Who can come back by itself does; the others as their users would write it.
// (Chromium's: browser_return.test.mjs.)
import { describe, test } from "node:test";
import {
  CurlLoop,
  FetchLoop,
  NpmReturning,
  PythonLoop,
  Reconnecting,
  UndiciLoop,
  WsLoop,
} from "./lib/returning.mjs";
import { overACut, overARestart, socketOf, streamOf } from "./lib/returns.mjs";

const closed = { firstEnd: 1012 };
const kinds = [
  { name: "curl", open: (port) => new CurlLoop(streamOf(port)), firstEnd: 0 },
  { name: "undici fetch", open: (port) => new FetchLoop(streamOf(port)), firstEnd: "clean" },
  { name: "npm eventsource", open: (port) => new NpmReturning(streamOf(port)) },
  { name: "npm ws", open: (port) => new WsLoop(socketOf(port)), ...closed },
  { name: "undici WebSocket", open: (port) => new UndiciLoop(socketOf(port)), ...closed },
  { name: "reconnecting-websocket", open: (port) => new Reconnecting(socketOf(port)), ...closed },
  { name: "Python websockets", open: (port) => new PythonLoop(socketOf(port)), ...closed },
];

describe("1,000 messages in order", { concurrency: 2 }, () => {
  test("over a cut: nothing is lost, and no gap told", () => overACut(kinds));
  test("over a restart: the end is told, then the gap", () => overARestart(kinds));
});
