// A broadcast server of server-sent events on Node alone, as they are usually written: what is
// POSTed to /push is written to every open response. Prints "listening port=N".
import { createServer } from "node:http";

const clients = new Set();

function open(request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.write(": connected\n\n");
  clients.add(response);
  request.on("close", () => clients.delete(response));
}

function push(request, response) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const event = `data: ${Buffer.concat(chunks)}\n\n`;
    for (const client of clients) client.write(event);
    response.writeHead(200, { "content-length": 0 }).end();
  });
}

const server = createServer((request, response) =>
  request.method === "POST" ? push(request, response) : open(request, response),
);
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`listening port=${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
