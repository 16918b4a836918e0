"""Real processes for tests: a data directory of its own, workers over its broker, killed at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ALL_QUEUES = "queries,ingest,index,background"


class Stack:
    """``manage(...)`` runs a command, ``worker()`` starts a worker, ``rows(sql)`` reads the database."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.database = data_dir / "sightline.sqlite3"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SIGHTLINE_")},
            "SIGHTLINE_DATA_DIR": str(data_dir),
            "SIGHTLINE_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            **variables,
        }
        data_dir.mkdir(parents=True, exist_ok=True)

    def migrate(self) -> None:
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *arguments: str, check: bool = True) -> str:
        """The command's standard output; what it says on standard error is shown when it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python with Django set up, in a process of its own."""
        return self.manage("shell", "--no-imports", "-c", code)

    def worker(self, queues: str = ALL_QUEUES) -> subprocess.Popen[bytes]:
        return self.start("-m", "celery", "-A", "tasks", "worker", "--pool=solo", "-Q", queues,
                          "--loglevel=WARNING", "-n", f"test{len(self.processes)}@here")  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.data_dir / f"process-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.data_dir.glob("process-*.log")))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """``kill -9``: no warning, nothing is cleaned up. Its children are left to the kernel's mercy too."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database:
            return database.execute(sql, values).fetchall()

    def wait_for(self, condition: Callable[[], object], *, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"Not so after {seconds:g} s. The processes said:\n{self.logs()[-4000:]}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
