"""The measurements, one after the other on an installation of their own."""

from __future__ import annotations

import io
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tasks.samples import draw
from webapp.environment import BASE_DIR
from webapp.management.benchmarking.browser import Visitor
from webapp.management.benchmarking.processes import Installation, child_named, memory_mb

WARM_UP = 5
INGESTED = 200
PAUSE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Figures:
    """Times are seconds. ``search_p50`` and ``search_p95``: from sending a picture to the finished page."""

    machine: str
    model_key: str
    pictures: int
    searches: int
    web_start: float
    web_memory_mb: float
    web_memory_after_mb: float
    search_worker_memory_mb: float
    ingest_per_second: float
    rebuild: float
    search_p50: float
    search_p95: float


def measure(folder: Path, *, pictures: int, searches: int, say: Callable[[str], None]) -> Figures:
    """Run everything in ``folder``, which should be empty."""
    installation = Installation(folder / "data")
    installation.manage("migrate", "--verbosity=0")
    say("Drawing pictures and taking them in …")
    album = _album(folder / "album")
    installation.manage("ingest", str(folder / "album"))
    invented = max(pictures - len(album), 0)
    say(f"Inventing {invented} more …")
    installation.manage("benchmark", f"--fill={invented}")
    begun = time.perf_counter()
    installation.manage("rebuild_index")
    rebuild = time.perf_counter() - begun
    web_start, web_memory = _web(installation)
    say(f"Searching {searches} times …")
    times, web_after, worker = _search(installation, album, searches)
    say(f"Taking in {INGESTED} more pictures …")
    ingested = _ingest(installation, album, folder / "more")
    return Figures(
        machine=_machine(),
        model_key=_model_key(),
        pictures=pictures,
        searches=len(times),
        web_start=web_start,
        web_memory_mb=web_memory,
        web_memory_after_mb=web_after,
        search_worker_memory_mb=worker,
        ingest_per_second=ingested,
        rebuild=rebuild,
        search_p50=statistics.median(times),
        search_p95=statistics.quantiles(times, n=20, method="inclusive")[-1],
    )


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}"


def _model_key() -> str:
    from django.conf import settings

    return str(settings.SIGHTLINE.model)


def _album(folder: Path) -> list[Path]:
    """The pictures of the sample library."""
    paths = draw(folder)
    for path in paths:
        if path.suffix != ".jpg" or path.parent.name == "reposted":
            path.unlink()
    return [path for path in paths if path.exists()]


def _web(installation: Installation) -> tuple[float, float]:
    """Seconds until a web process answers, and its memory in MB then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()[:2]
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "webapp.management.web", str(listener.fileno())],
            cwd=BASE_DIR, env=installation.environment, pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        Visitor(host, port).open("/")
        return time.perf_counter() - begun, memory_mb(process.pid)[0]
    finally:
        process.terminate()
        process.wait()


def _search(installation: Installation, album: list[Path], searches: int) -> tuple[list[float], float, float]:
    with installation.serving() as (host, port, supervisor):
        visitor = Visitor(host, port)
        pictures = _edited(album)
        for _ in range(WARM_UP):
            visitor.search(next(pictures))
        times = []
        for _ in range(searches):
            times.append(visitor.search(next(pictures)))
            time.sleep(PAUSE_SECONDS)
        web = memory_mb(child_named(supervisor, "webapp.management.web"))[1]
        worker = memory_mb(child_named(supervisor, "--queues=queries"))[1]
    return times, web, worker


def _ingest(installation: Installation, album: list[Path], folder: Path) -> float:
    """Pictures a second by ``manage.py ingest``, its start and the sync of the index included."""
    folder.mkdir()
    for number, picture in enumerate(islice(_edited(album), INGESTED)):
        (folder / f"{number}.jpg").write_bytes(picture)
    report = json.loads(installation.manage("ingest", str(folder), "--json").splitlines()[-1])
    return float(report["ingested"] / report["seconds"])


def _edited(album: list[Path]) -> Iterator[bytes]:
    """Endless JPEG files no two of which are equal: crops of the album's pictures."""
    from PIL import Image

    number = 0
    while True:
        with Image.open(album[number % len(album)]) as image:
            margin = 10 + number // len(album)
            changed = image.crop((margin, margin, image.width - 2 * margin, image.height - margin))
            buffer = io.BytesIO()
            changed.save(buffer, "JPEG", quality=70 + number % 20)
        yield buffer.getvalue()
        number += 1
