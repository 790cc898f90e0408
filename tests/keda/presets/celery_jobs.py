"""Celery's own producer and worker, for presets_test.go: celery_jobs.py URL add|work"""
import sys
import time

from celery import Celery
from redis import Redis

url, mode = sys.argv[1:3]
app = Celery("jobs", broker=url)
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, worker_hijack_root_logger=False,
                broker_connection_retry_on_startup=True)


@app.task(name="wait")
def wait():
    store = Redis.from_url(url)
    while not store.exists("release"):
        time.sleep(0.05)


if mode == "add":
    for priority in (0, 3, 6, 9, 9):  # of each priority a list of its own
        wait.apply_async(queue="clips", priority=priority)
else:
    app.worker_main(["worker", "--pool=threads", "--concurrency=2", "--queues=clips", "--loglevel=warning",
                     "--without-gossip", "--without-mingle"])
