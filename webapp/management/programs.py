"""The programs that make up one Sightline: a web server, workers, and the clock that wakes the sweep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from webapp.environment import Environment
from webapp.management.children import Program

MOST_THREADS = 8
MOST_INGEST_WORKERS = 4


def web(descriptor: int) -> Program:
    arguments = ["-m", "webapp.management.web", str(descriptor)]
    return Program("web", "web server", arguments, inherit=(descriptor,))


def workers(cores: int | None = None) -> Iterator[Program]:
    """One worker answers searches and nothing else, so that an import never delays them."""
    cores = cores or len(os.sched_getaffinity(0))
    yield _worker("searches", "search worker", "queries", threads=cores)
    if cores < 4:
        yield _worker("imports", "import worker", "index,ingest,background", threads=cores, nice=5)
        return
    yield _worker("background", "background worker", "index,background", threads=cores // 2, nice=5)
    count = min(cores // 3, MOST_INGEST_WORKERS)
    for number in range(1, count + 1):
        yield _worker(f"imports-{number}", "import worker", "ingest", threads=cores // count, nice=5)


def clock(environment: Environment) -> Program:
    schedule = environment.data_dir / "beat-schedule"
    arguments = ["beat", f"--schedule={schedule}", "--pidfile=", f"--loglevel={environment.log_level}"]
    return Program("clock", "clock", [*_CELERY, *arguments], _quiet(1))


_CELERY = ["-m", "celery", "--quiet", "--app=tasks"]


def _worker(name: str, title: str, queues: str, *, threads: int, nice: int = 0) -> Program:
    arguments = [
        "worker", "--pool=solo", f"--queues={queues}", f"--hostname={name}@%h", f"--loglevel={_level()}",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    return Program(f"worker-{name}", title, [*_CELERY, *arguments], _quiet(threads), nice=nice)


def _level() -> str:
    from django.conf import settings

    return str(settings.SIGHTLINE.log_level)


def _quiet(threads: int) -> dict[str, str]:
    """Threads that sleep when idle: two processes spinning on the same cores slow each other down."""
    wanted = {
        "OMP_NUM_THREADS": str(max(1, min(threads, MOST_THREADS))),
        "OMP_WAIT_POLICY": "PASSIVE",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return {name: os.environ.get(name, value) for name, value in wanted.items()}


def log_folder(environment: Environment) -> Path:
    return environment.data_dir / "logs"
