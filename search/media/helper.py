"""Starting, reaching and stopping the zygote process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from search.errors import DecoderUnavailable

# search.media.zygote's greeting; that module is not imported here, because it loads the decoders.
_READY = b"ready"
_START_SECONDS = 120.0
_SEND_SECONDS = 30.0
_STOP_SECONDS = 5.0
_ROOT = Path(__file__).resolve().parents[2]
# A process that decodes strangers' files gets nothing else of the caller's environment, where passwords live.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_SETTINGS = {
    # Threads of a numeric library would make forking unsafe and fight over the cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Each arena reserves address space, which the children's memory limit counts.
    "MALLOC_ARENA_MAX": "2",
    "PYTHONSAFEPATH": "1",
}


class Helper:
    """One running zygote.

    Raises:
        DecoderUnavailable: it does not start.
    """

    def __init__(self) -> None:
        self._control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            command = [sys.executable, "-m", "search.media.zygote", str(far.fileno()), str(os.getpid())]
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    command,
                    pass_fds=[far.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                self._control.close()
                raise DecoderUnavailable("The decoding helper cannot be started.") from error
        self._await_greeting()

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        return self._process.pid

    def send(self, request: bytes, descriptors: list[int]) -> bool:
        """Hand over one job with its sockets. Returns ``False`` if the zygote is gone or stuck."""
        try:
            socket.send_fds(self._control, [request], descriptors)
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End the zygote and, with it, all its children."""
        self._control.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def abandon(self) -> None:
        """Let go of a zygote that belongs to the process this one was forked from."""
        self._control.close()
        self._process.returncode = 0  # it is not our child: never wait for it

    def _await_greeting(self) -> None:
        self._control.settimeout(_START_SECONDS)
        try:
            greeting = self._control.recv(len(_READY))
        except OSError:
            greeting = b""
        self._control.settimeout(_SEND_SECONDS)
        if greeting != _READY:
            self._process.kill()
            self.stop()
            raise DecoderUnavailable("The decoding helper does not start; its output says why.")


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, **_SETTINGS, "PYTHONPATH": str(_ROOT)}
