"""Names for processes, by which another process on the same machine can tell that one is gone."""

from __future__ import annotations

import functools
import hashlib
import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def this_process() -> str:
    """24 hexadecimal digits: where it runs (8), its number (8), when it started (8)."""
    pid = os.getpid()
    return f"{_place()}{pid & 0xFFFFFFFF:08x}{_started(pid) & 0xFFFFFFFF:08x}"


def is_gone(name: str) -> bool:
    """Whether the process of that name ran here and runs no more. Unknown names are never gone."""
    if len(name) != 24 or name[:8] != _place() or not _PROC.is_dir():
        return False
    try:
        pid, started = int(name[8:16], 16), int(name[16:], 16)
    except ValueError:
        return False
    return _started(pid) & 0xFFFFFFFF != started


@functools.cache
def _place() -> str:
    """The machine, its boot and its process namespace: numbers mean the same only within one of these."""
    marks = [socket.gethostname()]
    for path in (_PROC / "sys/kernel/random/boot_id", _PROC / "self/ns/pid"):
        try:
            marks.append(str(path.readlink()) if path.is_symlink() else path.read_text())
        except OSError:
            marks.append("")
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:8]


def _started(pid: int) -> int:
    """Start time in clock ticks since boot; 0 if there is no such process (or it is a zombie)."""
    try:
        # The command name, second field, may hold spaces and brackets; the rest follows the last ")".
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in {"Z", "X"} else int(fields[19])
