"""``kill -9`` and a broker that goes away: after a restart nothing is lost and nothing is there twice."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import media
from tests.redis_server import RedisServer
from tests.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILES, REPEATED, KILLS = 200, 6, 10


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 pictures; the last six have the bytes of the first six under other names."""
    folder = tmp_path_factory.mktemp("album")
    for number in range(FILES - REPEATED):
        media.picture_file(folder / f"{number:03d}.jpg", number, (96, 72))
    for number in range(REPEATED):
        shutil.copyfile(folder / f"{number:03d}.jpg", folder / f"again-{number}.jpg")
    return folder


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def test_ten_kills_during_an_import_lose_nothing(real_worker: Stack, album: Path) -> None:
    _begin_import(real_worker, album)
    _kill_again_and_again(real_worker)
    _finish(real_worker)
    _check_everything_is_there_once(real_worker, album)


@pytest.mark.redis
def test_ten_kills_lose_nothing_with_redis_as_broker(
    real_worker: Stack, album: Path, redis: RedisServer
) -> None:
    real_worker.environment["REDIS_URL"] = redis.url
    _begin_import(real_worker, album)
    _kill_again_and_again(real_worker)
    _finish(real_worker)
    _check_everything_is_there_once(real_worker, album)


@pytest.mark.redis
def test_a_redis_that_goes_away_and_comes_back_empty_loses_nothing(
    real_worker: Stack, album: Path, redis: RedisServer
) -> None:
    real_worker.environment["REDIS_URL"] = redis.url
    _begin_import(real_worker, album)
    worker = real_worker.worker()
    real_worker.wait_for(lambda: _described(real_worker) > 20, seconds=60)
    redis.stop()
    time.sleep(3)
    assert worker.poll() is None, "the worker waits for its broker"
    redis.start()
    _finish(real_worker, worker)
    _check_everything_is_there_once(real_worker, album)


@pytest.mark.redis
def test_an_import_asked_for_while_redis_is_away_begins_when_it_is_back(
    real_worker: Stack, album: Path, redis: RedisServer
) -> None:
    real_worker.environment["REDIS_URL"] = redis.url
    redis.stop()
    _begin_import(real_worker, album)
    redis.start()
    _finish(real_worker)
    _check_everything_is_there_once(real_worker, album)


def _begin_import(stack: Stack, album: Path) -> None:
    stack.shell(
        "from webapp.services.imports import create_import\n"
        "from tasks.imports import run_import\n"
        f"job = create_import(source='folder', location={str(album)!r}, trusted=True)\n"
        "run_import.delay_on_commit(job.pk)"
    )


def _described(stack: Stack) -> int:
    return int(stack.rows("SELECT count(*) FROM webapp_content WHERE status = 'ready'")[0][0])


def _progress(stack: Stack) -> int:
    """Grows with every file that is stored and with every one that is described."""
    return _described(stack) + int(stack.rows("SELECT count(*) FROM webapp_media")[0][0])


def _went_on(stack: Stack, before: int) -> bool:
    return _progress(stack) > before or _is_done(stack)


def _kill_again_and_again(stack: Stack) -> None:
    """Each time at a random moment after some progress, so that the kills fall all over the import."""
    moments = random.Random(7)
    for _ in range(KILLS):
        before = _progress(stack)
        worker = stack.worker()
        stack.wait_for(partial(_went_on, stack, before), seconds=60)
        time.sleep(moments.uniform(0, 0.6))
        stack.kill(worker)


def _is_done(stack: Stack) -> bool:
    return stack.rows("SELECT status FROM webapp_importjob") == [("done",)]


def _finish(stack: Stack, worker: subprocess.Popen[bytes] | None = None) -> None:
    """Let a worker, a new one unless it is given, and the clock bring import and index to their end."""
    worker = worker or stack.worker()
    stack.start("-m", "celery", "-A", "tasks", "beat", "--pidfile=", "--loglevel=WARNING")
    stack.wait_for(lambda: _is_done(stack), seconds=240)
    stack.wait_for(lambda: stack.rows("SELECT count(*) FROM webapp_indexchange") == [(0,)], seconds=90)
    assert worker.poll() is None, "the worker lived through it"
    stack.stop()


def _check_everything_is_there_once(stack: Stack, album: Path) -> None:
    files = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in album.iterdir()}
    entries = stack.rows(
        "SELECT m.path, c.sha256 FROM webapp_media m JOIN webapp_content c ON c.id = m.content_id"
    )
    assert len(entries) == FILES
    assert {Path(path).name: digest for path, digest in entries} == {
        Path(path).name: digest for path, digest in files.items()
    }
    distinct = FILES - REPEATED
    assert _described(stack) == distinct
    assert stack.rows("SELECT count(*), count(DISTINCT content_id) FROM webapp_frame") == [
        (distinct, distinct)
    ]
    assert stack.rows("SELECT count(*), count(DISTINCT frame_id) FROM webapp_embedding") == [
        (distinct, distinct)
    ]
    assert stack.rows("SELECT status, count(*) FROM webapp_importitem GROUP BY status") == [("done", FILES)]
    for digest in files.values():
        stored = stack.data_dir / "originals" / digest[:2] / digest[2:4] / digest
        assert hashlib.sha256(stored.read_bytes()).hexdigest() == digest
    report = json.loads(stack.manage("check_index", "--json"))
    assert (report["missing"], report["extra"], report["rows"]) == (0, 0, distinct)
