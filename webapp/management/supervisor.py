"""Keep a web server and its workers running until told to stop, and leave nothing behind."""

from __future__ import annotations

import http.client
import signal
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

from webapp.management.children import Child, Program

LOOK_SECONDS = 0.2
STOP_SECONDS = 4.0
# So many falls before the web server ever answered mean that it cannot start at all.
HOPELESS = 3


class PortBusy(Exception):
    """Another program listens on the address."""


class StartFailed(Exception):
    """The web server cannot start. ``str(error)`` says where to look."""


def listen(host: str, port: int) -> socket.socket:
    """Open the address before anything else starts, so that a busy one is found out at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortBusy(error.strerror) from error
    return listener


class Supervisor:
    def __init__(
        self, programs: Iterable[Program], *, logs: Path, address: tuple[str, int], say: Callable[[str], None]
    ) -> None:
        self.children = [Child(program, logs) for program in programs]
        self.address = address
        self.say = say
        self._signals = 0

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything, call ``on_ready`` once the web answers, and watch until SIGINT or SIGTERM.

        Raises:
            StartFailed: the web server fell again and again before it answered once.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)
        try:
            self._watch(on_ready)
        finally:
            self._stop()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _watch(self, on_ready: Callable[[], None]) -> None:
        ready = False
        while not self._signals:
            for child in self.children:
                message = child.look_after()
                if message:
                    self.say(message)
            if not ready:
                ready = self._answers()
                if ready:
                    on_ready()
                self._give_up_if_hopeless(ready)
            time.sleep(LOOK_SECONDS)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(*self.address, timeout=1)
        try:
            connection.request("GET", "/status/live", headers={"Host": "localhost"})
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()

    def _give_up_if_hopeless(self, ready: bool) -> None:
        web = self.children[0]
        if not ready and web.falls >= HOPELESS:
            raise StartFailed(f"The web server cannot start. Its last words are in {web.log}.")

    def _stop(self) -> None:
        """All at once, so that stopping takes as long as the slowest; a second Ctrl-C ends the waiting."""
        for child in self.children:
            child.ask_to_stop()
        before, deadline = self._signals, time.monotonic() + STOP_SECONDS
        for child in self.children:
            while child.is_running() and time.monotonic() < deadline and self._signals == before:
                time.sleep(0.02)
            child.kill()
