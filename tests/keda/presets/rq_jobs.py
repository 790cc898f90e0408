"""RQ's own queue and worker, for presets_test.go: rq_jobs.py URL add|work"""
import sys
import time

from redis import Redis
from rq import Queue, SimpleWorker


def wait(url):
    store = Redis.from_url(url)
    while not store.exists("release"):
        time.sleep(0.05)


if __name__ == "__main__":
    url, mode = sys.argv[1:3]
    queue = Queue("mail", connection=Redis.from_url(url))
    if mode == "add":
        for _ in range(3):
            queue.enqueue("rq_jobs.wait", url)
    else:
        SimpleWorker([queue], connection=queue.connection).work(logging_level="WARNING")
