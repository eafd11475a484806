"""The least that supervision costs in Python: asyncio, a child each, pipes for output.

python sketch.py COUNT SECONDS
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process


async def main(count: int, seconds: str) -> None:
    """Run the children until SIGTERM, then end them."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    children: list[Process] = [
        await asyncio.create_subprocess_exec("sleep", seconds, stdout=PIPE, stderr=PIPE)
        for _ in range(count)
    ]
    await ended.wait()
    for child in children:
        child.terminate()
    for child in children:
        await child.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
