"""The sandbox: same answers as decoding directly, limits, kills, and no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.config import MIB, DecodeLimits, KeyframeConfig, SearchConfig
from search.errors import DamagedMedia, DecodeAborted, DecoderUnavailable, MediaError, MediaTooLarge
from search.media.sandbox import Sandbox
from search.types import DecodedFrame, Region
from tests import media
from tests.search.decoding import SPEC, decode_file

EVERY = KeyframeConfig(strategy="uniform", short_rate=1000.0)


def ignore(frame: DecodedFrame) -> None:
    """For tests that are not about frames."""


def make_sandbox(**limits: Any) -> Sandbox:
    return Sandbox(SearchConfig(limits=replace(DecodeLimits(), **limits)), SPEC)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with make_sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def still(folder: Path) -> Path:
    return media.picture_file(folder / "a.jpg", 1)


@pytest.fixture(scope="module")
def long_clip(folder: Path) -> Path:
    """More frames than fit in a socket's buffer, so the child is alive during the first ones."""
    return media.clip_file(folder / "a.mp4", [1, 2, 3], seconds=3.0, rate=10)


@pytest.fixture(scope="module")
def endless(folder: Path) -> Path:
    """A small file that takes long to decode: one GIF frame repeated 30,000 times."""
    path = media.animation_file(folder / "endless.gif", [1, 2], size=(64, 64))
    data = path.read_bytes()
    first = data.index(b"\x21\xf9")
    second = data.index(b"\x21\xf9", first + 8)
    frame = data[second : data.rindex(b";")]
    path.write_bytes(data[:second] + frame * 30_000 + b";")
    return path


def helper_pid(sandbox: Sandbox) -> int:
    assert sandbox._helper is not None
    return sandbox._helper.pid


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def soon(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def during_decode(sandbox: Sandbox, source: Path, action: Callable[[int], None]) -> None:
    """Decode and, at the first frame, call ``action`` with the child's process id."""
    seen: list[DecodedFrame] = []

    def on_frame(frame: DecodedFrame) -> None:
        if not seen:
            (child,) = children(helper_pid(sandbox))
            action(child)
        seen.append(frame)

    sandbox.decode(source, on_frame)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def same_frames(first: list[DecodedFrame], second: list[DecodedFrame]) -> bool:
    blank = np.zeros(0, np.uint8)
    return len(first) == len(second) and all(
        np.array_equal(a.pixels, b.pixels) and replace(a, pixels=blank).picture == b.picture
        and (a.position, a.time, a.start, a.end, a.phash, a.detail)
        == (b.position, b.time, b.start, b.end, b.phash, b.detail)
        for a, b in zip(first, second, strict=True)
    )  # fmt: skip


# -- the same answers


@pytest.mark.parametrize("name", ["still", "long_clip"])
def test_the_sandbox_answers_what_decoding_directly_answers(
    sandbox: Sandbox, name: str, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(name)
    frames: list[DecodedFrame] = []
    found = sandbox.decode(source, frames.append)
    expected, expected_frames = decode_file(source)
    assert same_frames(frames, expected_frames)
    assert replace(found, features=None) == replace(expected, features=None)
    assert (found.features is None) == (expected.features is None)


def test_a_region_reaches_the_child(sandbox: Sandbox, still: Path) -> None:
    region = Region(0.25, 0.25, 0.5, 0.5)
    frames: list[DecodedFrame] = []
    sandbox.decode(still, frames.append, region=region)
    assert same_frames(frames, decode_file(still, region=region)[1])


def test_names_that_are_not_utf8_and_relative_paths_work(
    sandbox: Sandbox, still: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a b \xff.jpg"))
    odd.write_bytes(still.read_bytes())
    assert sandbox.decode(odd, ignore).info.mime == "image/jpeg"
    monkeypatch.chdir(still.parent)
    assert sandbox.decode(Path(still.name), ignore).info.mime == "image/jpeg"


def test_errors_of_the_file_keep_their_kind_and_the_next_file_works(
    sandbox: Sandbox, still: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(still.read_bytes()[:30])
    with pytest.raises(DamagedMedia):
        sandbox.decode(path, ignore)
    with pytest.raises(DamagedMedia, match="missing"):
        sandbox.decode(tmp_path / "nothing", ignore)
    with pytest.raises(DamagedMedia, match="plain file"):
        sandbox.decode(tmp_path, ignore)
    assert sandbox.decode(still, ignore).frame_count == 1


def test_a_file_over_the_byte_limit_starts_no_process(still: Path) -> None:
    with make_sandbox(max_bytes=10) as small:
        with pytest.raises(MediaTooLarge):
            small.decode(still, ignore)
        assert small._helper is None


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif", "heic"])
def test_spoilt_pictures_decode_or_say_why_not(sandbox: Sandbox, tmp_path: Path, suffix: str) -> None:
    path = media.picture_file(tmp_path / f"a.{suffix}", 1, (96, 64))
    data, random = path.read_bytes(), np.random.default_rng(11)
    for number in range(8):
        spoilt = bytearray(data)
        for at in random.integers(0, len(data), 20):
            spoilt[at] = random.integers(256)
        path.write_bytes(spoilt[: len(data) if number % 2 else int(random.integers(len(data)))])
        try:
            assert sandbox.decode(path, ignore).frame_count == 1
        except MediaError as error:
            assert len(str(error)) > 10


# -- limits


def test_a_file_that_needs_too_much_memory_is_refused_in_words(tmp_path: Path, still: Path) -> None:
    bomb = tmp_path / "bomb.png"
    media.flat(size=(5000, 5000)).save(bomb, compress_level=1)
    with make_sandbox(memory_bytes=64 * MIB) as tight:
        with pytest.raises(DecodeAborted, match="memory"):
            tight.decode(bomb, ignore)
        assert tight.decode(still, ignore).frame_count == 1


def test_a_file_that_takes_too_much_processor_time_is_refused_in_words(endless: Path) -> None:
    with make_sandbox(cpu_seconds=1) as tight, pytest.raises(DecodeAborted, match="processor time"):
        tight.decode(endless, ignore)


def test_a_file_that_takes_too_long_is_refused_and_its_child_is_gone(endless: Path) -> None:
    with make_sandbox(wall_seconds=0.5) as tight:
        with pytest.raises(DecodeAborted, match=r"longer than the 0\.5 s"):
            tight.decode(endless, ignore)
        assert children(helper_pid(tight)) == []


def test_time_spent_by_the_caller_does_not_count(monkeypatch: pytest.MonkeyPatch, long_clip: Path) -> None:
    real, added, seen = time.monotonic, [0.0], []

    def on_frame(frame: DecodedFrame) -> None:
        added[0] += 1000.0
        seen.append(frame.time)

    monkeypatch.setattr(time, "monotonic", lambda: real() + added[0])
    with make_sandbox(wall_seconds=60.0) as tight:
        assert tight.decode(long_clip, on_frame).frame_count == len(seen) > 20


# -- kills and orphans


def test_a_killed_child_fails_its_file_alone(sandbox: Sandbox, long_clip: Path, still: Path) -> None:
    with pytest.raises(DecodeAborted, match="stopped from outside"):
        during_decode(sandbox, long_clip, kill)
    before = helper_pid(sandbox)
    assert sandbox.decode(still, ignore).frame_count == 1
    assert helper_pid(sandbox) == before


def test_a_crashed_child_fails_its_file_alone(sandbox: Sandbox, long_clip: Path, still: Path) -> None:
    with pytest.raises(DecodeAborted, match="crashed"):
        during_decode(sandbox, long_clip, lambda child: os.kill(child, signal.SIGSEGV))
    assert sandbox.decode(still, ignore).frame_count == 1


def test_a_killed_helper_takes_its_children_along_and_is_replaced(long_clip: Path, still: Path) -> None:
    with make_sandbox() as sandbox:
        seen: list[int] = []

        def kill_helper(child: int) -> None:
            seen.append(child)
            kill(helper_pid(sandbox))

        with pytest.raises(DecodeAborted, match="helper process stopped"):
            during_decode(sandbox, long_clip, kill_helper)
        assert soon(lambda: not is_running(seen[0]))
        assert sandbox.decode(still, ignore).frame_count == 1


def test_a_helper_that_died_in_between_is_not_noticed(still: Path) -> None:
    with make_sandbox() as sandbox:
        sandbox.decode(still, ignore)
        first = helper_pid(sandbox)
        kill(first)
        assert soon(lambda: not is_running(first))
        assert sandbox.decode(still, ignore).frame_count == 1
        assert helper_pid(sandbox) != first


def test_an_exception_of_the_caller_stops_the_child_and_is_passed_on(
    sandbox: Sandbox, long_clip: Path
) -> None:
    def on_frame(frame: DecodedFrame) -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        sandbox.decode(long_clip, on_frame)
    assert children(helper_pid(sandbox)) == []


def test_closing_ends_the_helper_and_it_can_start_again(still: Path) -> None:
    sandbox = make_sandbox()
    sandbox.decode(still, ignore)
    pid = helper_pid(sandbox)
    sandbox.close()
    assert not is_running(pid)
    assert sandbox.decode(still, ignore).frame_count == 1
    sandbox.close()
    sandbox.close()


def test_closing_during_a_decode_ends_it_in_words(long_clip: Path) -> None:
    sandbox = make_sandbox()
    with pytest.raises(DecodeAborted):
        during_decode(sandbox, long_clip, lambda child: sandbox.close())


CLIENT = """
import sys, time
from pathlib import Path
from search.config import SearchConfig
from search.embedding.base import InputSpec
from search.media.sandbox import Sandbox

sandbox = Sandbox(SearchConfig(), InputSpec(64, "squash"))
def on_frame(frame):
    print(sandbox._helper.pid, flush=True)
    time.sleep(60)
sandbox.decode(Path(sys.argv[1]), on_frame)
"""


def test_nothing_is_left_when_the_calling_process_is_killed(long_clip: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(long_clip)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    with client:
        assert client.stdout is not None
        helper = int(client.stdout.readline())
        (child,) = children(helper)
        client.kill()
    assert soon(lambda: not is_running(helper) and not is_running(child))


# -- threads, forks and surroundings


def test_several_threads_decode_at_once(sandbox: Sandbox, folder: Path, long_clip: Path) -> None:
    sources = [media.picture_file(folder / f"t{n}.png", n, (80, 60)) for n in range(6)] + [long_clip] * 2

    def hashes(source: Path) -> list[int]:
        found: list[int] = []
        sandbox.decode(source, lambda frame: found.append(frame.phash))
        return found

    expected = [[frame.phash for frame in decode_file(source)[1]] for source in sources]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(hashes, sources * 3)) == expected * 3


def test_threads_that_find_the_helper_dead_start_one_together(still: Path) -> None:
    with make_sandbox() as sandbox:
        sandbox.decode(still, ignore)
        kill(helper_pid(sandbox))
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda _: sandbox.decode(still, ignore).frame_count, range(4)))
        assert outcomes == [1] * 4


def test_a_forked_process_uses_a_helper_of_its_own(sandbox: Sandbox, still: Path) -> None:
    sandbox.decode(still, ignore)
    mine = helper_pid(sandbox)
    started, release = threading.Event(), threading.Event()

    def hold_the_lock() -> None:
        with sandbox._lock:
            started.set()
            release.wait(30)

    thread = threading.Thread(target=hold_the_lock)
    thread.start()
    started.wait(30)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            sandbox.decode(still, ignore)
            code = 0 if helper_pid(sandbox) != mine else 2
            sandbox.close()
        finally:
            os._exit(code)
    release.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sandbox.decode(still, ignore).frame_count == 1
    assert helper_pid(sandbox) == mine


def test_the_helper_sees_no_secret_and_is_single_threaded(
    monkeypatch: pytest.MonkeyPatch, still: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://user:secret@db/x")
    with make_sandbox() as sandbox:
        sandbox.decode(still, ignore)
        process = Path(f"/proc/{helper_pid(sandbox)}")
        assert b"secret" not in (process / "environ").read_bytes()
        assert "Threads:\t1\n" in (process / "status").read_text()
        loaded = (process / "maps").read_text()
        assert "libtorch" not in loaded and "faiss" not in loaded


def test_a_child_cannot_write_files_and_has_only_its_channel_open(sandbox: Sandbox, long_clip: Path) -> None:
    found: dict[str, Any] = {}

    def look(child: int) -> None:
        process = Path(f"/proc/{child}")
        found["limits"] = {
            line[:26].strip(): line[26:].split()[0] for line in (process / "limits").read_text().splitlines()
        }
        found["open"] = {str(entry.readlink()) for entry in (process / "fd").iterdir()}

    during_decode(sandbox, long_clip, look)
    assert found["limits"]["Max file size"] == "0"
    assert found["limits"]["Max core file size"] == "0"
    assert int(found["limits"]["Max address space"]) < 6 * 1024 * MIB
    sockets = [name for name in found["open"] if name.startswith("socket:")]
    assert len(sockets) == 1
    assert found["open"] - set(sockets) <= {"/dev/null", str(long_clip)}


def test_a_helper_that_cannot_start_is_no_fault_of_the_file(
    monkeypatch: pytest.MonkeyPatch, still: Path
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with make_sandbox() as sandbox, pytest.raises(DecoderUnavailable):
        sandbox.decode(still, ignore)
