"""The steps of ``manage.py evaluate segments``: split the folder, describe, make queries, search, count."""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from search.errors import EvaluationError, MediaError
from search.evaluation.clip_library import ClipLibrary, query_of
from search.evaluation.clip_plans import Plan, Source, draw_plans
from search.evaluation.clip_render import probe, render
from search.evaluation.related_clips import split_related
from search.evaluation.segment_baselines import fixed_offset, vpdq_like
from search.evaluation.segment_figures import Answer
from search.evaluation.segment_metrics import Box
from search.matching.query import QueryDescription
from search.matching.searcher import Searcher
from search.pipeline import Describer
from search.types import FrameDescription, FrameSequence, SegmentMatch
from tasks.bulk import cores
from tasks.evaluation.base import Outcome, Say
from tasks.evaluation.segment_engine import Engine, engine, searcher_of
from tasks.evaluation.segment_report import Run, outcome

METHOD = "sightline"
CLIP_SUFFIXES = {".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".ogv"}

Baseline: TypeAlias = Callable[[FrameSequence, Mapping[int, FrameSequence]], tuple[Box, ...]]
BASELINES: dict[str, Baseline] = {"phash-offset": fixed_offset, "vpdq-like": vpdq_like}


@dataclass(frozen=True, slots=True)
class Settings:
    folder: Path
    seed: int
    queries: int
    labels: tuple[str, ...]
    baselines: tuple[str, ...]
    model: str
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class _Bench:
    describer: Describer
    searcher: Searcher
    library: ClipLibrary
    folder: Path


def measure(settings: Settings, say: Say) -> Outcome:
    begun = time.perf_counter()
    references, fillers, left_out = _sources(settings, say)
    try:
        plans = draw_plans(
            references, fillers, queries=settings.queries, seed=settings.seed, labels=settings.labels
        )
    except ValueError as error:
        raise EvaluationError(str(error)) from error
    with engine(settings.model) as described_by, _folder(settings.keep) as folder:
        library = _library(references, described_by, say)
        with searcher_of(library, described_by) as searcher:
            bench = _Bench(described_by.describer, searcher, library, folder)
            answers, seconds = _answers(settings, plans, bench, say)
    run = Run(
        seed=settings.seed,
        model_key=settings.model,
        cores=cores(),
        machine=platform.machine(),
        references=[source.path.name for source in references],
        fillers=[source.path.name for source in fillers],
        left_out=left_out,
        reference_seconds=sum(source.duration for source in references),
        search_seconds=seconds,
        total_seconds=time.perf_counter() - begun,
        answers=answers,
    )
    return outcome(run)


def _sources(settings: Settings, say: Say) -> tuple[list[Source], list[Source], dict[str, str]]:
    """A random half of the clips for the library, the others as filler, and who is left out and why."""
    paths = sorted(path for path in settings.folder.rglob("*") if path.suffix.lower() in CLIP_SUFFIXES)
    say(f"Looking through {len(paths)} clips …")
    kept, related = split_related(paths)
    order = np.random.default_rng(settings.seed).permutation(len(kept)).tolist()
    half = (len(kept) + 1) // 2
    references = [probe(kept[place], number) for number, place in enumerate(order[:half], start=1)]
    fillers = [probe(kept[place], None) for place in order[half:]]
    left_out = {path.name: f"shows footage of {twin.name}" for path, twin in related.items()}
    return references, fillers, left_out


def _library(references: Sequence[Source], engine: Engine, say: Say) -> ClipLibrary:
    library = ClipLibrary()
    for source in references:
        say(f"Describing {source.path.name} …")
        frames: list[FrameDescription] = []
        engine.describer.describe(source.path, frames.append)
        library.add(source.content_id or 0, frames)
    return library


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    made = nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(prefix="sightline-evaluate-")
    with made as folder:
        yield Path(folder)


def _answers(
    settings: Settings,
    plans: Sequence[Plan],
    bench: _Bench,
    say: Say,
) -> tuple[dict[str, list[Answer]], list[float]]:
    """What each method found in each query, and the seconds that each search took."""
    answers: dict[str, list[Answer]] = {METHOD: [], **{name: [] for name in settings.baselines}}
    seconds: list[float] = []
    for number, plan in enumerate(plans, start=1):
        query = _query(plan, bench, keep=settings.keep is not None)
        begun = time.perf_counter()
        result = bench.searcher.search(query, lambda _stage, _percent: None)
        seconds.append(time.perf_counter() - begun)
        answers[METHOD].append(_answer(plan, tuple(_box(segment) for segment in result.segments)))
        for name in settings.baselines:
            answers[name].append(_answer(plan, BASELINES[name](query.sequence, bench.library.sequences)))
        if number % 10 == 0 or number == len(plans):
            say(f"{number} of {len(plans)} queries")
    return answers, seconds


def _query(plan: Plan, bench: _Bench, *, keep: bool) -> QueryDescription:
    path = bench.folder / f"{plan.name}-{plan.label}.mp4"
    render(plan, path)
    frames: list[FrameDescription] = []
    try:
        description = bench.describer.describe(path, frames.append)
    except MediaError as error:
        raise EvaluationError(f"The query {path.name} could not be described: {error}") from error
    finally:
        if not keep:
            path.unlink()
    return query_of(description, frames)


def _answer(plan: Plan, found: tuple[Box, ...]) -> Answer:
    return Answer(plan.name, plan.group, plan.label, plan.edits, plan.truth, found)


def _box(segment: SegmentMatch) -> Box:
    query = segment.query_start or 0.0, segment.query_end or 0.0
    return Box(segment.content_id, query, (segment.reference_start, segment.reference_end))
