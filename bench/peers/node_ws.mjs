// A broadcast server on Node's `ws`, as its documentation has it: what is POSTed to /push goes to
// every client. Prints "listening port=N". npm's packages are those of tests/.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../tests/package.json", import.meta.url));
const { WebSocket, WebSocketServer } = require("ws");

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const text = Buffer.concat(chunks);
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(text, { binary: false });
    }
    response.writeHead(200, { "content-length": 0 }).end();
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.keepAliveTimeout = 0;
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`listening port=${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
