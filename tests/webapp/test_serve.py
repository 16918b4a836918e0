"""One command starts everything, and nothing is left when it ends, however it ends."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import media
from tests.stack import ROOT, Stack
from webapp.management import children, programs
from webapp.management.children import Child, Program

slow = pytest.mark.slow


class Serving:
    """A running ``manage.py serve`` on a free port."""

    def __init__(self, stack: Stack, *arguments: str) -> None:
        self.stack = stack
        self.output = stack.data_dir / "serve.out"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port=0", *arguments],
                cwd=ROOT, env=stack.environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        stack.processes.append(self.process)

    def address(self) -> tuple[str, int]:
        self.stack.wait_for(lambda: "Press Ctrl-C" in self.output.read_text(), seconds=60)
        found = re.search(r"ready: http://([\d.]+):(\d+)/", self.output.read_text())
        assert found
        return found[1], int(found[2])

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(*self.address(), timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def family(self) -> set[int]:
        """Every process whose environment names this data directory, the server's own included."""
        wanted = f"SIGHTLINE_DATA_DIR={self.stack.data_dir}".encode()
        found = set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
        return found


@pytest.fixture
def serving(real_worker: Stack) -> Serving:
    return Serving(real_worker)


@slow
def test_it_answers_and_says_how_to_make_the_first_account(serving: Serving) -> None:
    assert serving.get("/status/live")[0] == 200
    token = re.search(r"/setup/\?token=(\S+)", serving.output.read_text())
    assert token
    kept = serving.stack.data_dir / "setup_token"
    assert kept.read_text() == token[1]
    assert kept.stat().st_mode & 0o077 == 0


@slow
def test_workers_for_every_queue_become_ready(serving: Serving) -> None:
    serving.address()
    serving.stack.wait_for(lambda: serving.get("/status/ready")[0] == 200)
    queues = {
        name
        for (row,) in serving.stack.rows("SELECT queues FROM webapp_workerseen")
        for name in row.split(",")
    }
    assert queues == {"queries", "index", "ingest", "background"}


@slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_within_seconds(serving: Serving, number: signal.Signals) -> None:
    serving.address()
    begun = time.monotonic()
    serving.process.send_signal(number)
    assert serving.process.wait(10) == 0
    assert time.monotonic() - begun < 6
    assert serving.family() == set()


@slow
def test_nothing_outlives_a_supervisor_that_is_killed(serving: Serving) -> None:
    serving.address()
    assert len(serving.family()) >= 5
    serving.process.kill()
    serving.process.wait()
    serving.stack.wait_for(lambda: not serving.family(), seconds=5)


@slow
def test_a_child_that_dies_comes_back(serving: Serving) -> None:
    serving.address()
    web = _pid_of(serving, "webapp.management.web")
    os.kill(web, signal.SIGKILL)
    serving.stack.wait_for(lambda: _answers(serving))
    assert _pid_of(serving, "webapp.management.web") != web
    assert "The web server stopped (signal 9)" in serving.output.read_text()


def _pid_of(serving: Serving, word: str) -> int:
    return next(pid for pid in serving.family() if word in Path(f"/proc/{pid}/cmdline").read_text())


def _answers(serving: Serving) -> bool:
    try:
        return serving.get("/status/live")[0] == 200
    except OSError:
        return False


@slow
def test_a_busy_port_is_said_in_words(real_worker: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError) as refusal:
            real_worker.manage("serve", f"--port={port}")
    assert f"Cannot open 127.0.0.1:{port}" in str(refusal.value)
    assert "Traceback" not in str(refusal.value)


@slow
def test_a_folder_is_imported_after_the_start(real_worker: Stack, tmp_path: Path) -> None:
    for seed in range(3):
        media.picture_file(tmp_path / "album" / "summer" / f"{seed}.jpg", seed)
    Serving(real_worker, f"--media={tmp_path / 'album'}").address()
    done = "SELECT status FROM webapp_importjob"
    real_worker.wait_for(lambda: real_worker.rows(done) == [("done",)], seconds=90)
    assert real_worker.rows("SELECT count(*) FROM webapp_media") == [(3,)]
    assert real_worker.rows("SELECT name FROM webapp_label") == [("summer",)]


@slow
def test_a_folder_that_is_not_there_is_said_in_words(real_worker: Stack, tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as refusal:
        real_worker.manage("serve", "--port=0", f"--media={tmp_path / 'nowhere'}")
    assert "no folder" in str(refusal.value)
    assert "Traceback" not in str(refusal.value)


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Child]:
    child = Child(Program("broken", "broken program", ["-c", "raise SystemExit(3)"]), tmp_path)
    yield child
    child.kill()


def test_a_child_that_keeps_falling_is_started_less_and_less_often(failing: Child) -> None:
    failing.start()
    while not (message := failing.look_after()):
        time.sleep(0.02)
    assert "(exit 3); it starts again in 1 s" in message
    assert failing.look_after() == ""
    assert not failing.is_running()
    failing.falls = 4
    failing.start()
    while not (message := failing.look_after()):
        time.sleep(0.02)
    assert "again in 16 s" in message


def test_the_log_of_a_child_that_goes_on_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOG_BYTES", 1000)
    talk = "; ".join(
        ["import time", "print('x' * 5000, flush=True)", "time.sleep(0.5)", "print('more', flush=True)"]
    )
    child = Child(Program("talker", "talker", ["-c", f"{talk}; time.sleep(60)"]), tmp_path)
    child.start()
    try:
        while "more" not in child.log.read_text():
            child.look_after()
            time.sleep(0.02)
        assert child.log.read_text() == "more\n"
        assert (tmp_path / "talker.log.1").stat().st_size == 5001
        assert child.is_running()
    finally:
        child.kill()


@pytest.mark.parametrize("cores", [1, 2, 4, 8, 64])
def test_every_queue_has_a_worker_on_any_machine(cores: int) -> None:
    served = [
        argument.removeprefix("--queues=").split(",")
        for program in programs.workers(cores)
        for argument in program.arguments
        if argument.startswith("--queues=")
    ]
    assert {name for queues in served for name in queues} == {"queries", "index", "ingest", "background"}
    assert served[0] == ["queries"]
    assert sum("index" in queues for queues in served) == 1, "the index has one writer"
