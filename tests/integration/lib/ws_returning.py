"""Python's websockets library as a client that comes back with the last id it saw.

Prints a line for each event: "open", "frame <its text>", "closed <code>".
"""
import asyncio
import json
import sys
from urllib.parse import quote

import websockets

BACK_SECONDS = 0.25


async def stream(url, last_id):
    """One connection to its end; the last id that was seen."""
    address = f"{url}?last_event_id={quote(last_id, safe='')}"
    async with websockets.connect(address, max_size=None) as socket:
        print("open", flush=True)
        try:
            async for text in socket:
                last_id = json.loads(text)["id"]
                print(f"frame {text}", flush=True)
        except websockets.ConnectionClosed:
            pass  # with a code that is neither 1000 nor 1001
    print(f"closed {socket.close_code}", flush=True)
    return last_id


async def main(url):
    last_id = ""
    while True:
        try:
            last_id = await stream(url, last_id)
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            print(error, file=sys.stderr)
        await asyncio.sleep(BACK_SECONDS)


asyncio.run(main(sys.argv[1]))
