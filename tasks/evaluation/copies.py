"""``manage.py evaluate copies``: how well edited pictures are traced to what they were made from."""

from __future__ import annotations

import platform
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from search.errors import EvaluationError
from tasks.bulk import cores
from tasks.evaluation.base import Outcome, Say

if TYPE_CHECKING:
    from search.evaluation.copies import CopiesPlan, Sources
    from search.evaluation.methods.base import Method

HELP = "Edit pictures in every way people do, search for the originals, and measure what is found."

STRENGTHS = ("light", "medium", "strong")
BASELINES = ("phash", "pdq", "random")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="the originals: a folder or zip of pictures")
    parser.add_argument(
        "--distractors", nargs="+", default=[], metavar="PATH", help="folders and zips of other pictures"
    )
    parser.add_argument(
        "--distractor-limit", type=_positive, metavar="N", help="use so many of them, drawn by the seed"
    )
    parser.add_argument("--strength", choices=STRENGTHS, default="medium")
    parser.add_argument(
        "--edits", default="", metavar="NAMES", help="only these edits or groups: crop,jpeg,overlay"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--limit", type=_positive, default=100, metavar="N", help="edit at most so many originals (100)"
    )
    parser.add_argument(
        "--models", default="", metavar="KEYS", help="models to measure; 'all' for what is here"
    )
    parser.add_argument(
        "--baselines", default=",".join(BASELINES), metavar="NAMES", help="of phash,pdq,random; '' for none"
    )
    parser.add_argument(
        "--whole-search", action="store_true", help="also measure the search with verification; slow"
    )


def run(options: Mapping[str, Any], say: Say) -> Outcome:
    from search.evaluation import copies, copies_report
    from search.evaluation.edits import registry
    from search.evaluation.edits.base import Strength

    plan = copies.CopiesPlan(
        registry.names(_words(options["edits"])),
        Strength(options["strength"]),
        options["seed"],
        options["limit"],
    )
    with tempfile.TemporaryDirectory(prefix="sightline-evaluate-") as folder:
        methods = list(_methods(options, plan, Path(folder), say))
        if not methods:
            raise EvaluationError("There is nothing to measure: name a model or a baseline.")
        result = copies.measure(_sources(options, plan), methods, plan, say)
        rows = copies_report.method_rows(result)
    machine = {"cores": cores(), "processor": platform.machine()}
    return Outcome(
        copies_report.document(result, rows, machine=machine),
        copies_report.table(result, rows, machine=machine),
    )


def _sources(options: Mapping[str, Any], plan: CopiesPlan) -> Sources:
    from search.evaluation import copies, pictures

    folder = pictures.find([Path(options["folder"])])
    distractors = pictures.find(Path(path) for path in options["distractors"])
    if options["distractor_limit"]:
        distractors = pictures.sample(distractors, options["distractor_limit"], plan.seed)
    return copies.divide(folder, distractors, plan)


def _methods(options: Mapping[str, Any], plan: CopiesPlan, folder: Path, say: Say) -> Iterator[Method]:
    from search.config import SearchConfig
    from search.embedding.registry import load
    from search.evaluation.methods.vectors import VectorMethod
    from search.evaluation.methods.whole_search import WholeSearch

    device = settings.SIGHTLINE.device
    keys = _model_keys(options["models"])
    for position, key in enumerate(keys):
        embedder = load(key, device=device)
        yield VectorMethod(embedder)
        if options["whole_search"]:
            config = SearchConfig(model=key, device=device)
            yield WholeSearch(config, embedder, folder / str(position))
    yield from _baselines(_words(options["baselines"]), keys[0], plan.seed, say)


def _baselines(names: Sequence[str], model: str, seed: int, say: Say) -> Iterator[Method]:
    from search.embedding.registry import get_spec
    from search.evaluation.methods.hashes import pdq_method, phash_method
    from search.evaluation.methods.random_weights import random_embedder
    from search.evaluation.methods.vectors import VectorMethod

    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise EvaluationError(f"There is no baseline {unknown[0]!r}. There are: {', '.join(BASELINES)}.")
    if "phash" in names:
        yield phash_method()
    if "pdq" in names:
        try:
            yield pdq_method()
        except EvaluationError as error:
            say(str(error))
    if "random" in names:
        embedder = random_embedder(get_spec(model), seed=seed, device=settings.SIGHTLINE.device)
        yield VectorMethod(embedder, name="random")


def _model_keys(text: str) -> Sequence[str]:
    from search.embedding.registry import available

    if text == "all":
        return [spec.key for spec in available()]
    return _words(text) or [settings.SIGHTLINE.model]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("must be 1 or more")
    return number
