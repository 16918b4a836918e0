"""Start Sightline on a data directory of its own, and look at its processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.environment import BASE_DIR


class Installation:
    """Commands and a server over one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGHTLINE_")}
        for name in ("DATABASE_URL", "REDIS_URL"):
            kept.pop(name, None)
        self.environment = {**kept, "SIGHTLINE_DATA_DIR": str(data_dir), "SIGHTLINE_LOG_LEVEL": "WARNING"}

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603  our own commands
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR, env=self.environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[tuple[str, int, int]]:
        """Host, port and the process id of the supervisor."""
        output = self.data_dir / "serve.out"
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--host=127.0.0.1", "--port=0"],
                cwd=BASE_DIR, env=self.environment, stdout=stream, stderr=stream,
            )  # fmt: skip
        try:
            yield "127.0.0.1", _port(output), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _port(output: Path, seconds: float = 60.0) -> int:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := re.search(r"ready: http://127\.0\.0\.1:(\d+)/", output.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"The server did not start:\n{output.read_text()}")


def child_named(parent: int, word: str) -> int:
    """The process id of a child of ``parent`` whose command line holds ``word``."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            same = f"PPid:\t{parent}\n" in (entry / "status").read_text()
            if same and word in (entry / "cmdline").read_text():
                return int(entry.name)
        except OSError:  # it ended while we looked
            continue
    raise RuntimeError(f"No process of {parent} runs {word}.")


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory now and at most, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = {name: int(value) for name, value in re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status)}
    return kilobytes["VmRSS"] * 1.024e-3, kilobytes["VmHWM"] * 1.024e-3
