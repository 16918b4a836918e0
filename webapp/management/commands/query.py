"""Search the library by files and print what was found; nothing is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from search.types import Band, MediaKind, SearchResult
from tasks.errors import SearchError
from tasks.queries import search
from tasks.query_input import query_of_file
from tasks.runtime import IndexUnavailable
from webapp.models import Media
from webapp.selectors.queries import WEAK_SCORE, content_of_digest, live_media, result_contents
from webapp.services.media_files import UnusableFile, check_file
from webapp.services.storage import digest

SECTIONS = ("similar", "copies", "segments", "landmarks")


class Command(BaseCommand):
    help = "Searches the library by pictures and clips and prints copies, look-alikes and matching seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")
        parser.add_argument(
            "--top", type=_positive, default=10, metavar="N", help="most results of each kind (10)"
        )

    def handle(self, *, files: list[str], json: bool, top: int, **_: Any) -> None:
        for name in files:
            answer = _answer(name, top)
            self._print_json(answer) if json else self._print_text(answer)

    def _print_json(self, answer: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(answer, ensure_ascii=False))
        self.stdout.flush()

    def _print_text(self, answer: dict[str, Any]) -> None:
        self.stdout.write(answer["file"])
        if answer["error"]:
            self.stdout.write(f"  {answer['error']}")
            return
        lines = list(_lines(answer))
        for line in lines or ["Nothing matches."]:
            self.stdout.write(f"  {line}")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("must be 1 or more")
    return number


def _answer(name: str, top: int) -> dict[str, Any]:
    path = Path(name)
    try:
        check_file(path)
        described = query_of_file(path, content_id=content_of_digest(digest(path)))
        result = search(described, lambda _stage, _percent: None)
    except (SearchError, IndexUnavailable, UnusableFile, OSError) as error:
        return {"file": name, "kind": None, "error": str(error), **{section: [] for section in SECTIONS}}
    return {"file": name, "kind": described.kind.value, "error": None, **_sections(result, top)}


def _sections(result: SearchResult, top: int) -> dict[str, Any]:
    media = live_media(result_contents(result))
    return {
        "similar": list(_similar(result, media))[:top],
        "copies": list(_copies(result, media))[:top],
        "segments": list(_segments(result, media))[:top],
        "landmarks": list(_landmarks(result, media))[:top],
    }


Found = dict[int, list[Media]]
Rows = Iterator[dict[str, Any]]


def _similar(result: SearchResult, media: Found) -> Rows:
    for match in result.similar:
        for entry in media.get(match.content_id, []):
            yield _entry(entry) | {"score": _score(match.score), "time": _seconds(match.time)}


def _copies(result: SearchResult, media: Found) -> Rows:
    for match in result.copies:
        relation = "exact" if match.band == Band.EXACT else "copy"
        inliers = match.verification.inliers if match.verification else 0
        for entry in media.get(match.content_id, []):
            yield _entry(entry) | {"score": _score(match.score), "relation": relation, "inliers": inliers}


def _segments(result: SearchResult, media: Found) -> Rows:
    for match in result.segments:
        for entry in media.get(match.content_id, []):
            yield {
                "path": entry.path,
                "media_id": entry.pk,
                "score": _score(match.score),
                "query_start": _seconds(match.query_start),
                "query_end": _seconds(match.query_end),
                "reference_start": _seconds(match.reference_start),
                "reference_end": _seconds(match.reference_end),
                "speed": round(match.speed, 4),
                "mirrored": match.mirrored,
            }


def _landmarks(result: SearchResult, media: Found) -> Rows:
    for match in result.landmarks:
        for entry in media.get(match.content_id, [])[:1]:
            score = _score(match.score)
            yield {"label": match.label, "score": score, "inliers": match.inliers, "path": entry.path}


def _entry(media: Media) -> dict[str, Any]:
    return {"path": media.path, "media_id": media.pk, "kind": media.content.kind or MediaKind.IMAGE.value}


def _score(score: float) -> float:
    return round(float(score), 4)


def _seconds(time: float | None) -> float | None:
    return None if time is None else round(float(time), 3)


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    for row in answer["copies"]:
        yield f"{row['relation']:<8} {row['score']:.2f}  {row['path']}"
    for row in answer["segments"]:
        own = "" if row["query_start"] is None else f"{row['query_start']:.1f}-{row['query_end']:.1f} s is "
        there = f"{row['reference_start']:.1f}-{row['reference_end']:.1f} s of"
        yield f"in video {row['score']:.2f}  {own}{there} {row['path']}"
    for row in answer["landmarks"]:
        yield f"shows    {row['score']:.2f}  {row['label']} ({row['path']})"
    for row in answer["similar"]:
        if row["score"] < WEAK_SCORE:
            return
        yield f"similar  {row['score']:.2f}  {row['path']}"
