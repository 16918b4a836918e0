"""The measurement of copies: edit pictures, look for the originals among many, note what is found.

Half as many queries again are edits of *strangers*, pictures of the same sources that no method has seen:
whatever is proposed for them is false. The backgrounds of picture-in-picture and the neighbours in collages
are strangers, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image

from search.errors import EvaluationError, MediaError
from search.evaluation import predictions
from search.evaluation.edits.base import Strength
from search.evaluation.edits.editing import edited, seeded_tools
from search.evaluation.methods.base import Method
from search.evaluation.pictures import Picture
from search.evaluation.predictions import NO_TRUTH, BoolArray, Predictions
from search.types import Float32Array, Int64Array

BATCH = 32

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class CopiesPlan:
    """What is measured. ``edits``: names of edits and chains. ``limit``: originals that are edited; further
    ones lie in the library like distractors."""

    edits: tuple[str, ...]
    strength: Strength = Strength.MEDIUM
    seed: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Sources:
    """The pictures by part. ``originals`` are edited; they, ``others`` and ``distractors`` are the library;
    ``strangers`` are in no library."""

    originals: tuple[Picture, ...]
    others: tuple[Picture, ...]
    distractors: tuple[Picture, ...]
    strangers: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One edited picture. ``truth``: number of its original in the library, ``NO_TRUTH`` for a stranger."""

    edit: str
    truth: int
    picture: Image.Image


@dataclass(slots=True)
class MethodRun:
    """What one method answered. ``predictions`` count queries in the order of ``CopiesResult.edits``.
    ``seconds``: spent in it, for references and for queries."""

    method: Method
    reference_seconds: float = 0.0
    query_seconds: float = 0.0
    parts: list[tuple[Float32Array, BoolArray]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CopiesResult:
    """Everything measured. ``edits``: the edit of each query. ``references``: pictures in the library, of
    which ``distractors`` came as such. ``skipped``: files that could not be read."""

    plan: CopiesPlan
    edits: tuple[str, ...]
    runs: tuple[MethodRun, ...]
    answers: tuple[Predictions, ...]
    references: int
    distractors: int
    skipped: tuple[str, ...]


def divide(folder: Sequence[Picture], distractors: Sequence[Picture], plan: CopiesPlan) -> Sources:
    """Who plays which part, by the plan's seed. Strangers are half as many as originals; they come from the
    distractors if those are at least four times as many, otherwise from the folder.

    Raises:
        EvaluationError: there are too few pictures.
    """
    if len(folder) < 2:
        raise EvaluationError("There must be at least two pictures to edit.")
    random = np.random.default_rng(plan.seed)
    mixed = [folder[number] for number in random.permutation(len(folder))]
    crowd = [distractors[number] for number in random.permutation(len(distractors))]
    count = min(plan.limit, len(mixed))
    strangers = (count + 1) // 2
    if len(crowd) >= 4 * strangers:
        return Sources(
            tuple(mixed[:count]), tuple(mixed[count:]), tuple(crowd[strangers:]), tuple(crowd[:strangers])
        )
    count = min(count, len(mixed) - (len(mixed) + 2) // 3)
    strangers = (count + 1) // 2
    return Sources(
        tuple(mixed[:count]),
        tuple(mixed[count : len(mixed) - strangers]),
        tuple(crowd),
        tuple(mixed[len(mixed) - strangers :]),
    )


def measure(
    sources: Sources, methods: Sequence[Method], plan: CopiesPlan, say: Callable[[str], None]
) -> CopiesResult:
    """Run every method over the same pictures. ``say`` hears of the progress.

    Raises:
        EvaluationError: no original, or no stranger, can be read.
    """
    return _Measurement(sources, methods, plan, say).run()


class _Measurement:
    def __init__(
        self, sources: Sources, methods: Sequence[Method], plan: CopiesPlan, say: Callable[[str], None]
    ) -> None:
        self._sources, self._plan, self._say = sources, plan, say
        self._runs = tuple(MethodRun(method) for method in methods)
        self._skipped: list[str] = []
        self._strangers: list[Image.Image] = []
        self._references = 0

    def run(self) -> CopiesResult:
        originals = self._add(self._sources.originals)
        self._add(self._sources.others)
        distractors = self._add(self._sources.distractors)
        self._strangers = [image for _, image in self._loaded(self._sources.strangers)]
        if not originals or not self._strangers:
            raise EvaluationError("None of the pictures can be read.")
        edits, truths = self._ask(originals)
        answers = tuple(predictions.pool(run.parts, truths) for run in self._runs)
        return CopiesResult(
            self._plan,
            edits,
            self._runs,
            answers,
            self._references,
            len(distractors),
            tuple(self._skipped),
        )

    def _add(self, pictures: Sequence[Picture]) -> dict[int, Picture]:
        """Hand references to every method; returns the readable ones by their number in the library."""
        numbered: dict[int, Picture] = {}
        for batch in _batches(self._loaded(pictures)):
            for run in self._runs:
                started = time.perf_counter()
                run.method.add([image for _, image in batch])
                run.reference_seconds += time.perf_counter() - started
            for picture, _ in batch:
                numbered[self._references] = picture
                self._references += 1
            self._say(f"{self._references} pictures in the library")
        return numbered

    def _loaded(self, pictures: Sequence[Picture]) -> Iterator[tuple[Picture, Image.Image]]:
        for picture in pictures:
            try:
                yield picture, picture.load()
            except MediaError as error:
                self._skipped.append(str(error))

    def _ask(self, originals: dict[int, Picture]) -> tuple[tuple[str, ...], Int64Array]:
        edits: list[str] = []
        truths: list[int] = []
        for batch in _batches(self._queries(originals)):
            batch_truths = np.array([query.truth for query in batch], np.int64)
            for run in self._runs:
                started = time.perf_counter()
                scores = run.method.scores([query.picture for query in batch])
                run.query_seconds += time.perf_counter() - started
                run.parts.append(predictions.top(scores, batch_truths))
            edits += [query.edit for query in batch]
            truths += batch_truths.tolist()
            self._say(f"{len(edits)} searches")
        return tuple(edits), np.array(truths, np.int64)

    def _queries(self, originals: dict[int, Picture]) -> Iterator[Query]:
        for number, picture in originals.items():
            yield from self._edited(picture.load(), number, number)
        for number, stranger in enumerate(self._strangers, self._references):
            yield from self._edited(stranger, number, NO_TRUTH)

    def _edited(self, picture: Image.Image, number: int, truth: int) -> Iterator[Query]:
        for name in self._plan.edits:
            tools = seeded_tools(self._plan.seed, name, self._plan.strength, number, self._stranger)
            yield Query(name, truth, edited(picture, name, self._plan.strength, tools))

    def _stranger(self, number: int) -> Image.Image:
        return self._strangers[number % len(self._strangers)]


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch
