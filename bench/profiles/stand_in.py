"""A stand-in for the HTTP backends, as a process of its own.

    python3 bench/profiles/stand_in.py PORT [REDIS_PORT]

For profile `chat` it is the web app: it saves a message (gives it an id) and publishes it to Redis
as the web app does, so the hub gets each of them twice and must tell it once. For profile `drop` it
is the Restate ingress.
"""

import asyncio
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wires import RedisPublish  # noqa: E402

DROP = {"phase": "registration", "participantCount": 3, "totalTickets": 7, "inventory": 5,
        "registrationEnd": 1_800_000_000_000}
USER = {"status": "not_registered"}
TIME = "2026-01-01T00:00:00.000Z"


class StandIn:
    def __init__(self, redis_port):
        self.redis = RedisPublish(redis_port) if redis_port else None
        self.count = 0

    def answer(self, path, body):
        if path.startswith("/api/chats/"):
            return self.save(path.split("/")[3], json.loads(body))
        if path.startswith("/Drop/"):
            return DROP
        if path.startswith("/Participant/"):
            return USER
        return None

    def save(self, chat_id, asked):
        self.count += 1
        sender = {"id": asked["userId"], "name": "A user"}
        message = {"id": f"saved-{self.count}", "content": asked["content"], "role": asked["role"],
                   "createdAt": TIME, "sender": sender}
        told = {"id": message["id"], "content": message["content"], "role": "user",
                "timestamp": TIME, "sender": sender}
        frame = {"type": "message", "data": told, "timestamp": TIME}
        self.redis.send([(f"chat:{chat_id}", json.dumps(frame, separators=(",", ":")))])
        return {"success": True, "message": message}

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                length = next((int(line.split(":")[1]) for line in lines
                               if line.lower().startswith("content-length:")), 0)
                found = self.answer(lines[0].split(" ")[1], await reader.readexactly(length))
                body = json.dumps(found or {"error": "Not found"}).encode()
                status = "200 OK" if found else "404 Not Found"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                             f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main(port, redis_port):
    stand_in = StandIn(redis_port)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
