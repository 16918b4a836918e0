"""The helper process that forks one limited child per file.

It is a fresh interpreter: however many threads, models or index readers the calling process has, a
child starts from a small, single-threaded parent with the decoders already imported. It never touches
media itself. It ends when the process that started it ends.

Each job arrives as one packet with two sockets: the *channel*, on which the child speaks, and the
*lifeline*. When the client closes its end of the lifeline (or dies), the child is killed; when the child
has ended, its exit status is written there. So no process id ever leaves this process.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass

import cv2
from PIL import Image

from search.config import RenditionConfig
from search.embedding.base import InputSpec
from search.media.child import run_child
from search.media.pixels import describe_frame

READY = b"ready"
MAX_REQUEST = 65536
_CHECK_PARENT_MS = 1000


@dataclass(slots=True)
class _Child:
    pid: int
    lifeline: socket.socket


class Zygote:
    """The event loop. ``control``: where jobs arrive. ``client``: process id of who started it."""

    def __init__(self, control: socket.socket, client: int) -> None:
        self._control = control
        self._client = client
        self._children: dict[int, _Child] = {}
        self._poll = select.poll()
        self._wakeup, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        self._poll.register(self._wakeup, select.POLLIN)
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Run until the client closes the control socket or dies, then kill what still runs."""
        self._control.sendall(READY)
        while os.getppid() == self._client:
            ready = [descriptor for descriptor, _ in self._poll.poll(_CHECK_PARENT_MS)]
            # New jobs last: a number freed by an ended child must not be mistaken for a new lifeline.
            if not all(self._handle(descriptor) for descriptor in sorted(ready, key=self._turn)):
                break
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)

    def _turn(self, descriptor: int) -> int:
        return (descriptor == self._wakeup) + 2 * (descriptor == self._control.fileno())

    def _handle(self, descriptor: int) -> bool:
        """Returns ``False`` when it is time to end."""
        if descriptor == self._control.fileno():
            return self._accept()
        if descriptor == self._wakeup:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wakeup, 4096)
            self._reap()
        elif descriptor in self._children:
            self._poll.unregister(descriptor)
            os.kill(self._children[descriptor].pid, signal.SIGKILL)
        return True

    def _accept(self) -> bool:
        request, descriptors, _, _ = socket.recv_fds(self._control, MAX_REQUEST, 2)
        if not request:
            return False
        channel, lifeline = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            run_child(channel, json.loads(request), zygote)
        channel.close()
        self._children[lifeline.fileno()] = _Child(pid, lifeline)
        self._poll.register(lifeline, select.POLLIN)
        return True

    def _reap(self) -> None:
        for descriptor, child in list(self._children.items()):
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            del self._children[descriptor]
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
            report = {"code": os.waitstatus_to_exitcode(status), "memory": usage.ru_maxrss * 1024}
            with contextlib.suppress(OSError):
                child.lifeline.sendall(json.dumps(report).encode())
            child.lifeline.close()


def _warm_up() -> None:
    """Import once, before any fork, what libraries import at first use; no child has to do it again."""
    cv2.setNumThreads(0)
    cv2.ocl.setUseOpenCL(False)
    Image.init()
    importlib.import_module("av.subtitles.stream")
    describe_frame(Image.new("RGB", (8, 8)), RenditionConfig(), InputSpec(8, "squash"))
    gc.collect()
    gc.freeze()


def main() -> None:
    """Entry point: ``python -m search.media.zygote DESCRIPTOR CLIENT_PID``."""
    _warm_up()
    descriptor, client = (int(argument) for argument in sys.argv[1:3])
    Zygote(socket.socket(fileno=descriptor), client).serve()


if __name__ == "__main__":
    main()
