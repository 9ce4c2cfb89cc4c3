"""Python's websockets library as a client: N connections, COUNT messages each, reported as JSON."""
import asyncio
import json
import sys

import websockets


async def client(url, count, ready):
    async with websockets.connect(url, max_size=None, open_timeout=60) as socket:
        ready.release()
        messages = [await socket.recv() for _ in range(count)]
    return {"messages": messages, "code": socket.close_code}


async def main(url, clients, count):
    ready = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(client(url, count, ready)) for _ in range(clients)]
    waiters = [asyncio.create_task(ready.acquire()) for _ in range(clients)]
    await asyncio.wait([asyncio.gather(*waiters), *tasks], return_when=asyncio.FIRST_COMPLETED)
    print("ready", flush=True)
    print(json.dumps(await asyncio.gather(*tasks)), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
