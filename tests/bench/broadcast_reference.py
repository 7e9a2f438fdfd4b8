"""The least a server can do: ``websockets.broadcast`` of ready texts to whoever is connected. The URL's last part asks.

``/`` listens; ``/tell/{count}/{bytes}`` sends that many notes of that size to all listeners.
"""

import asyncio
import json
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

listeners: set[ServerConnection] = set()


async def answer(connection: ServerConnection) -> None:
    path = connection.request.path if connection.request is not None else "/"
    if path.startswith("/tell/"):
        count, size = (int(part) for part in path.split("/")[2:])
        for number in range(count):
            broadcast(listeners, json.dumps({"event": "note.created", "sequence": number, "data": "x" * size}))
            await asyncio.sleep(0)
        return
    listeners.add(connection)
    await connection.send(json.dumps({"event": "connected"}))
    try:
        await connection.wait_closed()
    finally:
        listeners.discard(connection)


async def main(port: int) -> None:
    async with serve(answer, "127.0.0.1", port, compression=None, ping_interval=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
