"""``kill -9`` of ``manage.py ingest`` at random moments, and two of them at once: nothing lost or twice."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from tests import media
from tests.stack import Stack

PICTURES = 24
KILLS = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(PICTURES):
        media.picture_file(tmp_path / "in" / f"{seed:02}.jpg", seed)
    media.clip_file(tmp_path / "in" / "clip.mp4", [90, 91], seconds=2.0)
    return tmp_path / "in"


def ready(stack: Stack) -> int:
    [(count,)] = stack.rows("SELECT COUNT(*) FROM webapp_content WHERE status = 'ready'")
    return int(count)


def assert_complete(stack: Stack, folder: Path) -> None:
    files = sorted(str(path) for path in folder.iterdir())
    assert [path for (path,) in stack.rows("SELECT path FROM webapp_media ORDER BY path")] == files
    assert stack.rows("SELECT status, COUNT(*) FROM webapp_content GROUP BY 1") == [("ready", len(files))]
    frames = "SELECT COUNT(*), COUNT(DISTINCT content_id || ' ' || position) FROM webapp_frame"
    [(rows, distinct)] = stack.rows(frames)
    assert rows == distinct > len(files)
    assert stack.rows("SELECT COUNT(*) FROM webapp_embedding") == [(rows,)]
    assert stack.rows("SELECT COUNT(*) FROM webapp_indexchange") == [(0,)]
    check = json.loads(stack.manage("check_index", "--json"))
    assert check == {"rows": rows, "vectors": rows, "missing": 0, "extra": 0}


@pytest.mark.slow
def test_an_ingest_killed_again_and_again_is_finished_by_the_next(real_worker: Stack, folder: Path) -> None:
    moments = random.Random(3)
    for kill in range(1, KILLS + 1):
        process = real_worker.start("manage.py", "ingest", str(folder))
        target = kill * PICTURES // (KILLS + 1)
        real_worker.wait_for(lambda: ready(real_worker) >= target, seconds=60)  # noqa: B023
        time.sleep(moments.uniform(0, 0.1))
        assert process.poll() is None, "it ended before it could be killed"
        real_worker.kill(process)

    started = time.monotonic()
    answer = json.loads(real_worker.manage("ingest", str(folder), "--json").splitlines()[-1])

    assert answer["failed"] == []
    assert answer["ingested"] + answer["skipped"] == PICTURES + 1
    assert answer["skipped"] >= PICTURES // 2
    assert time.monotonic() - started < 55  # the dead process's claims were free at once, not by their leases
    assert_complete(real_worker, folder)


@pytest.mark.slow
def test_two_commands_at_once_share_the_work(real_worker: Stack, folder: Path) -> None:
    commands = [real_worker.start("manage.py", "ingest", str(folder)) for _ in range(2)]

    assert [process.wait(timeout=120) for process in commands] == [0, 0], real_worker.logs()
    assert_complete(real_worker, folder)
