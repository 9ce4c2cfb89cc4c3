// Clients for far_host.mjs, in a process of their own: HOST PORT SSE WS. Says whenever it changed
// how many are open, how many have ended and how many messages came to all of them.
import http from "node:http";
import WebSocket from "ws";

const [host, port, sse, ws] = process.argv.slice(2);
const state = { open: 0, ended: 0, messages: 0 };
let isTold = true;
const note = (name, count = 1) => {
  state[name] += count;
  if (isTold) setTimeout(tell, 10);
  isTold = false;
};
function tell() {
  isTold = true;
  process.stdout.write(`${JSON.stringify(state)}\n`);
}

for (let i = 0; i < Number(sse); i++) {
  const request = http.get({ host, port, path: "/api/live", agent: false }, (response) => {
    note("open");
    response.setEncoding("utf8").on("data", (text) => {
      const count = (text.match(/^data: /gm) ?? []).length;
      if (count > 0) note("messages", count);
    });
    response.on("close", () => note("ended"));
    response.on("error", () => {});
  });
  request.on("error", () => note("ended"));
}
for (let i = 0; i < Number(ws); i++) {
  const socket = new WebSocket(`ws://${host}:${port}/api/live/ws`);
  socket.on("open", () => note("open"));
  socket.on("message", () => note("messages"));
  socket.on("close", () => note("ended"));
  socket.on("error", () => {});
}
