"""Child processes that cannot outlive their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
# A child that ran this long was well; its next fall starts counting anew.
HEALTHY_SECONDS = 60.0
LOG_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. ``title`` is for people, ``name`` for the log file; ``nice`` lowers the priority."""

    name: str
    title: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherit: tuple[int, ...] = ()
    nice: int = 0


class Child:
    """A program that is started, watched and started again with growing pauses."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.falls = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own programs
                [sys.executable, *self.program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.program.environment},
                pass_fds=self.program.inherit,
                process_group=0,
                preexec_fn=_tied_to_parent(
                    os.getpid(), self.program.nice
                ),  # the supervisor has one thread only
            )
        self._started = time.monotonic()

    def look_after(self) -> str:
        """Start it again if it fell and its pause is over. Returns what to tell people, or nothing."""
        _turn_over(self.log)
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self.start()
            return ""
        code = self._process.poll()
        return "" if code is None else self._fell(code)

    def _fell(self, code: int) -> str:
        self.kill()
        healthy = time.monotonic() - self._started > HEALTHY_SECONDS
        self.falls = 1 if healthy else self.falls + 1
        pause = min(FIRST_PAUSE * 2 ** (self.falls - 1), LONGEST_PAUSE)
        self._start_at = time.monotonic() + pause
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        return f"The {self.program.title} stopped ({how}); it starts again in {pause:g} s. See {self.log}"

    def ask_to_stop(self) -> None:
        self._signal_group(signal.SIGTERM)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it and everything in its process group."""
        self._signal_group(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def _tied_to_parent(parent: int, nice: int) -> Callable[[], None]:
    """What a new process does before it becomes the program: ask the kernel to end it with its parent.

    SIGKILL, since nothing is lost by it, and a worker told to stop politely may go on for minutes.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

    def tie() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # the parent died before the line above
                os._exit(1)
        if nice:
            os.nice(nice)

    return tie


def _turn_over(log: Path) -> None:
    """Keep at most the last two pieces of a log. Copied, since the child goes on writing to the same file."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)
