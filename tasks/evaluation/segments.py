"""``manage.py evaluate segments``: which seconds of edited clips are found, and how exactly."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from search.errors import EvaluationError
from tasks.evaluation.base import Outcome, Say

if TYPE_CHECKING:
    from tasks.evaluation.segment_run import Settings

HELP = "Cut and edit clips in every way people do, search for them, and measure which seconds are found."
BASELINES = ("phash-offset", "vpdq-like")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="FOLDER", help="clips; a random half is the library, the rest is filler"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other queries (0)")
    parser.add_argument("--queries", type=_positive, default=120, metavar="N", help="half hold no copy (120)")
    parser.add_argument("--edits", default="", metavar="NAMES", help="only these: crop,mirror,combined")
    parser.add_argument(
        "--baselines",
        default=",".join(BASELINES),
        metavar="NAMES",
        help="methods to compare with; '' for none",
    )
    parser.add_argument("--model", default="", metavar="KEY", help="another model than that of the settings")
    parser.add_argument("--keep", metavar="DIR", help="leave the edited clips in this folder")


def run(options: Mapping[str, Any], say: Say) -> Outcome:
    from tasks.evaluation.segment_run import measure

    return measure(_settings(options), say)


def _settings(options: Mapping[str, Any]) -> Settings:
    from search.evaluation.clip_plans import COMBINED, SINGLE_EDITS
    from tasks.evaluation.segment_run import Settings

    known = (*SINGLE_EDITS, COMBINED)
    return Settings(
        folder=Path(options["folder"]),
        seed=options["seed"],
        queries=options["queries"],
        labels=_chosen(options["edits"], known, "edit") or known,
        baselines=_chosen(options["baselines"], BASELINES, "baseline"),
        model=options["model"] or settings.SIGHTLINE.model,
        keep=Path(options["keep"]) if options["keep"] else None,
    )


def _chosen(words: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in words.split(",") if name.strip())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise EvaluationError(f"There is no {what} called {unknown[0]}. There are: {', '.join(known)}.")
    return names


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("must be 1 or more")
    return number
