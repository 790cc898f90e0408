"""BullMQ's own queue and worker, for presets_test.go: bullmq_jobs.py URL add|work"""
import asyncio
import sys

from bullmq import Queue, Worker
from redis.asyncio import Redis

url, mode = sys.argv[1:3]


async def add():
    queue = Queue("video", {"connection": url})
    for _ in range(3):
        await queue.add("render", {})
    await queue.add("render", {}, {"priority": 2})  # lies in another key
    await queue.add("render", {}, {"delay": 3600 * 1000})  # is no work yet
    await queue.close()


async def work():
    store = Redis.from_url(url)

    async def render(_job, _token):
        while not await store.exists("release"):
            await asyncio.sleep(0.05)

    Worker("video", render, {"connection": url, "concurrency": 2})
    await asyncio.Event().wait()


asyncio.run(add() if mode == "add" else work())
