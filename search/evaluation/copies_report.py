"""The measurement of copies in figures: a document for programs and a table for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from search.evaluation import metrics
from search.evaluation.copies import CopiesPlan, CopiesResult, MethodRun
from search.evaluation.edits.registry import EDITS
from search.evaluation.metrics import Figure
from search.evaluation.predictions import Predictions


@dataclass(frozen=True, slots=True)
class EditRow:
    """One edit with one method. ``found_precisely``: share found above the score at which the method's whole
    pool has a precision of .9."""

    edit: str
    queries: int
    recall_at_1: Figure
    found_precisely: Figure


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method over all queries. Rates: pictures a second in its own work, by the wall clock."""

    name: str
    detail: str
    micro_ap: Figure
    recall_at_precision_90: Figure
    recall_at_1: Figure
    references_per_second: float
    queries_per_second: float
    by_edit: tuple[EditRow, ...]


def method_rows(result: CopiesResult) -> tuple[MethodRow, ...]:
    """The figures of every method, with intervals that depend on the plan's seed alone."""
    return tuple(
        _method_row(result, run, found) for run, found in zip(result.runs, result.answers, strict=True)
    )


def document(result: CopiesResult, rows: tuple[MethodRow, ...], *, machine: dict[str, Any]) -> dict[str, Any]:
    """Everything, for JSON. ``machine``: what the figures were measured on."""
    return {
        "subject": "copies",
        "data": _counts(result),
        "strength": str(result.plan.strength),
        "seed": result.plan.seed,
        "edits": _amounts(result.plan),
        "machine": machine,
        "methods": [asdict(row) for row in rows],
        "skipped": list(result.skipped),
    }


def table(result: CopiesResult, rows: tuple[MethodRow, ...], *, machine: dict[str, Any]) -> str:
    """The same as plain text."""
    return "\n".join([*_heading(result, machine), "", *_overall(rows), "", *_by_edit(result, rows)])


def _method_row(result: CopiesResult, run: MethodRun, found: Predictions) -> MethodRow:
    seed = result.plan.seed
    first = metrics.found_first(found)
    precise = metrics.found_above(found, metrics.threshold_at(found))
    edits = np.array(result.edits)
    by_edit = []
    for name in result.plan.edits:
        asked = (edits == name) & found.has_truth
        recall = metrics.share_figure(first[asked], seed=seed)
        precisely = metrics.share_figure(precise[asked], seed=seed)
        by_edit.append(EditRow(name, int(asked.sum()), recall, precisely))
    return MethodRow(
        run.method.name,
        run.method.detail,
        metrics.micro_ap_figure(found, seed=seed),
        metrics.recall_at_precision_figure(found, seed=seed),
        metrics.share_figure(first[found.has_truth], seed=seed),
        _rate(result.references, run.reference_seconds),
        _rate(len(result.edits), run.query_seconds),
        tuple(by_edit),
    )


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds else 0.0


def _counts(result: CopiesResult) -> dict[str, int]:
    truths = result.answers[0].truths
    return {
        "references": result.references,
        "distractors": result.distractors,
        "originals": len(np.unique(truths[truths >= 0])),
        "queries": len(truths),
        "queries_without_original": int((truths < 0).sum()),
    }


def _amounts(plan: CopiesPlan) -> dict[str, float | None]:
    return {name: EDITS[name].amount(plan.strength) if name in EDITS else None for name in plan.edits}


def _heading(result: CopiesResult, machine: dict[str, Any]) -> Iterator[str]:
    counts = _counts(result)
    yield (
        f"{counts['queries']} searches with edits of {counts['originals']} pictures,"
        f" {counts['queries_without_original']} of them with nothing to find,"
        f" among {counts['references']} pictures ({counts['distractors']} distractors)."
    )
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    yield f"Strength {result.plan.strength}, seed {result.plan.seed}; {facts}."
    if result.skipped:
        yield f"{len(result.skipped)} files could not be read. The first: {result.skipped[0]}"


def _overall(rows: tuple[MethodRow, ...]) -> Iterator[str]:
    width = max(len(row.name) for row in rows)
    columns = ("uAP", "recall at precision .9", "recall at 1", "searches/s")
    yield f"{'':{width}}  " + "  ".join(f"{column:22}" for column in columns)
    for row in rows:
        figures = (row.micro_ap, row.recall_at_precision_90, row.recall_at_1)
        cells = "  ".join(f"{_cell(figure):22}" for figure in figures)
        yield f"{row.name:{width}}  {cells}  {row.queries_per_second:g}"


def _by_edit(result: CopiesResult, rows: tuple[MethodRow, ...]) -> Iterator[str]:
    amounts = _amounts(result.plan)
    labels = [f"{name} {amount:g}" if amount is not None else name for name, amount in amounts.items()]
    width = max(len("recall at 1 by edit"), *map(len, labels))
    columns = [max(6, len(row.name)) for row in rows]
    names = "  ".join(f"{row.name:>{column}}" for row, column in zip(rows, columns, strict=True))
    yield f"{'recall at 1 by edit':{width}}  {'searches':>8}  {names}"
    for position, label in enumerate(labels):
        edits = [row.by_edit[position] for row in rows]
        values = (
            f"{edit.recall_at_1.value:>{column}.3f}" for edit, column in zip(edits, columns, strict=True)
        )
        yield f"{label:{width}}  {edits[0].queries:>8}  {'  '.join(values)}"


def _cell(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
