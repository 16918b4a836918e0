"""Decoding hostile files at arm's length; the calling side.

See :mod:`search.media.zygote` for the process model. Needs Linux (or another system with ``SEQPACKET``
sockets between processes and descriptor passing).
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from search.config import DecodeLimits, SearchConfig
from search.embedding.base import InputSpec
from search.errors import DecodeAborted, DecoderUnavailable, MediaError
from search.media import messages, wire
from search.media.base import DecodedMedia, DecodeJob, FrameSink
from search.media.helper import Helper
from search.media.limits import check_size, out_of_memory, out_of_processor_time, out_of_time
from search.types import DecodedFrame, Region

_log = logging.getLogger(__name__)
_STATUS_SECONDS = 10.0
_NEARLY = 0.8

_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()


class Sandbox:
    """Decodes files in limited children of one long-lived helper process; safe to use from threads.

    The helper starts at the first file, and again whenever it was found dead; a file it had not begun to
    deliver is then tried once more. After a fork, the child
    process forgets its parent's helper and starts its own.
    """

    def __init__(self, config: SearchConfig, input_spec: InputSpec) -> None:
        self._config = config
        self._spec = input_spec
        self._lock = threading.Lock()
        self._helper: Helper | None = None
        _sandboxes.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def decode(self, source: Path, on_frame: FrameSink, *, region: Region | None = None) -> DecodedMedia:
        """Decode a file; each kept frame is given to ``on_frame`` in this thread as it arrives.

        ``region``: describe only this part of the displayed picture (of every frame of a clip). Time
        spent in ``on_frame`` does not count towards the wall-time limit. An exception it raises stops
        the decoding and is passed on.

        Raises:
            MediaError: this file cannot be used; the text says why, in words for a person.
            DecoderUnavailable: the helper process cannot be started; no file can be decoded.
        """
        limits = self._config.limits
        path = str(source.absolute())
        check_size(path, limits.max_bytes)
        job = DecodeJob(
            path=path,
            limits=limits,
            keyframes=self._config.keyframes,
            renditions=self._config.renditions,
            input=self._spec,
            region=region,
        )
        try:
            with self._submit(job) as run:
                return run.receive(on_frame, self._spec.size)
        except _HelperStopped:
            if run.delivered:
                raise
        with self._submit(job) as run:  # it died before or just as it was handed the file
            return run.receive(on_frame, self._spec.size)

    def close(self) -> None:
        """Stop the helper and whatever it is decoding. Another ``decode`` starts a new one."""
        with self._lock:
            helper, self._helper = self._helper, None
        if helper is not None:
            helper.stop()

    def _submit(self, job: DecodeJob) -> _Run:
        request = json.dumps(messages.pack_job(job)).encode()
        channel, far_channel = socket.socketpair()
        lifeline, far_lifeline = socket.socketpair()
        run = _Run(channel, lifeline, job.limits)
        with far_channel, far_lifeline:
            try:
                self._send(request, [far_channel.fileno(), far_lifeline.fileno()])
            except BaseException:
                run.close()
                raise
        run.start_clock()
        return run

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        """Hand a job to the helper; one found dead is replaced, once."""
        with self._lock:
            if self._helper is not None:
                if self._helper.send(request, descriptors):
                    return
                self._helper.stop()
            self._helper = Helper()
            if not self._helper.send(request, descriptors):
                raise DecoderUnavailable("The decoding helper stops as soon as it is started.")

    def _forget(self) -> None:
        self._lock = threading.Lock()
        if self._helper is not None:
            self._helper.abandon()
            self._helper = None


def _forget_after_fork() -> None:
    for sandbox in list(_sandboxes):
        sandbox._forget()


os.register_at_fork(after_in_child=_forget_after_fork)


class _HelperStopped(DecodeAborted):
    """The zygote went away while it had the file."""


class _Run:
    """One job under way. Leaving the context kills the child if it still runs."""

    def __init__(self, channel: socket.socket, lifeline: socket.socket, limits: DecodeLimits) -> None:
        self._channel, self._lifeline, self._limits = channel, lifeline, limits
        self._deadline = 0.0
        self.delivered = 0

    def start_clock(self) -> None:
        """Begin to count wall time: a helper that has to be started first is not the file's fault."""
        self._deadline = time.monotonic() + self._limits.wall_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self.close()

    def close(self) -> None:
        self._channel.close()
        self._lifeline.close()

    def receive(self, on_frame: FrameSink, side: int) -> DecodedMedia:
        """Read to the closing message. See :meth:`Sandbox.decode` for the errors."""
        while True:
            answer = self._next(side)
            if isinstance(answer, DecodedMedia):
                return answer
            started = time.monotonic()
            self.delivered += 1
            on_frame(answer)
            self._deadline += time.monotonic() - started

    def _next(self, side: int) -> DecodedFrame | DecodedMedia:
        try:
            message = wire.read_message(self._read)
            if message.name == messages.FRAME:
                return messages.read_frame(message, side)
            if message.name == messages.DONE:
                return messages.read_media(message)
            error, trace = messages.read_error(message)
        except TimeoutError:
            raise out_of_time(self._limits) from None
        except (EOFError, ConnectionError):
            raise self._cause_of_death() from None
        except wire.WireError as broken:
            raise DecodeAborted("The decoder gave an answer that makes no sense.") from broken
        if trace:
            _log.warning("Unexpected error while decoding: %s", trace)
        raise error

    def _read(self, count: int) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._channel.settimeout(remaining)
            received = self._channel.recv_into(view)
            if received == 0:
                raise EOFError
            view = view[received:]
        return bytes(data)

    def _cause_of_death(self) -> MediaError:
        """Why the child is gone without a closing message, from what the helper saw of its end."""
        report = self._end()
        if report is None:
            return _HelperStopped("Decoding was cut off because the helper process stopped. Try again.")
        code, memory = report
        if code == -signal.SIGXCPU:
            return out_of_processor_time(self._limits)
        if memory >= _NEARLY * self._limits.memory_bytes:
            return out_of_memory(self._limits)
        if code == -signal.SIGKILL:
            return DecodeAborted(
                "Decoding was stopped from outside, perhaps because the machine ran out of memory. Try again."
            )
        return DecodeAborted("The decoder crashed on this file; it is probably damaged.")

    def _end(self) -> tuple[int, int] | None:
        """Have the child killed if it still runs, and wait until it is gone.

        Returns its exit code (negative: a signal) and peak memory in bytes, or ``None`` if they are unknown.
        """
        try:
            self._lifeline.shutdown(socket.SHUT_WR)
            self._lifeline.settimeout(_STATUS_SECONDS)
            report = json.loads(self._lifeline.recv(1024))
            return int(report["code"]), int(report["memory"])
        except (OSError, ValueError):
            return None
