"""The decoding child: gives up what it may do, decodes one file, reports, and is gone."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from PIL import Image

from search.config import DecodeLimits
from search.errors import DamagedMedia, MediaError
from search.media import messages, wire
from search.media.decode import decode
from search.media.limits import out_of_memory
from search.types import DecodedFrame

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_GRACE_SECONDS = 5
_MOST_FILES = 64


def run_child(channel: socket.socket, request: dict[str, Any], parent: int) -> NoReturn:
    """Decode one file and exit. ``channel`` takes the messages; ``parent`` must stay this one's parent."""
    stream = _isolate(channel, parent)
    job = messages.read_job(request)
    _limit(job.limits)
    try:
        media = decode(job, lambda frame: _send_frame(stream, frame))
        reply = messages.pack_media(media)
    except BaseException as error:  # noqa: BLE001 - whatever happened, the other side is told
        reply = _describe(error, job.limits)
    _send(stream, reply)
    os._exit(0)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; leave at once if it already did."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def is_memory_error(error: BaseException | None) -> bool:
    """Whether an exception, or one it came from, says that memory ran out."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        text = str(error).lower()
        if "out of memory" in text or "insufficient memory" in text or "memory allocation" in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def _isolate(channel: socket.socket, parent: int) -> socket.socket:
    """Keep the channel and nothing else of what the zygote had open; say nothing on the terminal."""
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    die_with_parent(parent)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    os.dup2(channel.fileno(), 3)
    channel.detach()
    os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return socket.socket(fileno=3)


def _limit(limits: DecodeLimits) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    start = pages * resource.getpagesize()
    _set(resource.RLIMIT_AS, start + limits.memory_bytes)
    _set(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + _GRACE_SECONDS)
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_NOFILE, _MOST_FILES)
    Image.MAX_IMAGE_PIXELS = limits.max_pixels


def _set(which: int, soft: int, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(which)[1]
    wanted = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, wanted = min(soft, ceiling), min(wanted, ceiling)
    resource.setrlimit(which, (soft, wanted))


def _describe(error: BaseException, limits: DecodeLimits) -> wire.Message:
    if is_memory_error(error):
        return messages.pack_error(out_of_memory(limits))
    if isinstance(error, MediaError):
        return messages.pack_error(error)
    words = "The file could not be decoded; it is probably damaged in an unusual way."
    return messages.pack_error(DamagedMedia(words), trace="".join(traceback.format_exception(error))[-4000:])


def _send_frame(stream: socket.socket, frame: DecodedFrame) -> None:
    _send(stream, messages.pack_frame(frame))


def _send(stream: socket.socket, message: wire.Message) -> None:
    try:
        stream.sendall(wire.pack(message))
    except OSError:  # nobody listens any more
        os._exit(1)
