"""How well copies are found: figures over pooled predictions.

All of them follow the image similarity challenge (Douze et al., "The 2021 Image Similarity Dataset and
Challenge", 2021): every query gives its ten best pairs, all pairs go into one pool, and queries that were
made from nothing in the library are in it, so their answers count as false. Equal scores are resolved to
the method's disadvantage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from search.evaluation.predictions import BoolArray, Predictions
from search.types import Float64Array, Int64Array

PRECISION = 0.9
"""The precision at which recall is asked for, as in the challenge."""

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with the ends of its 95 % interval, all 0..1."""

    value: float
    low: float
    high: float


def micro_ap(predictions: Predictions) -> float:
    """Micro average precision, 0..1: the area under precision over recall of the one pooled list.

    ``sum (r_k - r_(k-1)) p_k`` over its ranks, with recall over all queries that have a true pair; 0 if
    there are none.
    """
    return _average_precision(predictions.correct, int(predictions.has_truth.sum()))


def recall_at_precision(predictions: Predictions, precision: float = PRECISION) -> float:
    """The largest share of true pairs found by any threshold whose answers are this precise, 0..1."""
    return _recall_at(predictions.correct, int(predictions.has_truth.sum()), precision)


def recall_at_1(predictions: Predictions) -> float:
    """The share of the queries with a true pair whose best answer, strictly ahead of others, is that pair."""
    truths = int(predictions.has_truth.sum())
    return float(found_first(predictions).sum()) / truths if truths else 0.0


def found_first(predictions: Predictions) -> BoolArray:
    """bool [Q]: whether the first answer of each query is its true pair; false for queries without one."""
    found = np.zeros(len(predictions.truths), np.bool_)
    # The list is in order of score with wrong pairs first among equals: a query's first row is its best.
    asked, first = np.unique(predictions.queries, return_index=True)
    found[asked] = predictions.correct[first]
    return found


def threshold_at(predictions: Predictions, precision: float = PRECISION) -> float:
    """The lowest score at which the pool is this precise with most recall; infinity if it never is."""
    position = _last_precise(predictions.correct, precision)
    return float(predictions.scores[position]) if position >= 0 else float("inf")


def found_above(predictions: Predictions, threshold: float) -> BoolArray:
    """bool [Q]: whether the true pair of each query is answered with at least this score."""
    found = np.zeros(len(predictions.truths), np.bool_)
    found[predictions.queries[predictions.correct & (predictions.scores >= threshold)]] = True
    return found


def micro_ap_figure(predictions: Predictions, *, seed: int, resamples: int = RESAMPLES) -> Figure:
    """:func:`micro_ap` with its bootstrap interval."""
    return _bootstrap(predictions, _average_precision, seed, resamples)


def recall_at_precision_figure(predictions: Predictions, *, seed: int, resamples: int = RESAMPLES) -> Figure:
    """:func:`recall_at_precision` at ``PRECISION`` with its bootstrap interval."""
    return _bootstrap(predictions, lambda row, truths: _recall_at(row, truths, PRECISION), seed, resamples)


def share_figure(hits: BoolArray, *, seed: int, resamples: int = RESAMPLES) -> Figure:
    """The share of hits, bool [Q], with its bootstrap interval; all zero without queries."""
    if len(hits) == 0:
        return Figure(0.0, 0.0, 0.0)
    # Drawing Q of Q flags with replacement and counting hits is a binomial draw.
    random = np.random.default_rng(seed)
    value = float(hits.mean())
    return _figure(value, random.binomial(len(hits), value, resamples) / len(hits))


def _average_precision(correct: BoolArray, truths: int) -> float:
    if truths == 0:
        return 0.0
    ranks = np.flatnonzero(correct) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / truths)


def _recall_at(correct: BoolArray, truths: int, precision: float) -> float:
    position = _last_precise(correct, precision)
    return float(correct[: position + 1].sum() / truths) if truths and position >= 0 else 0.0


def _last_precise(correct: BoolArray, precision: float) -> int:
    """The last rank, from 0, that ends on a correct pair with this precision; -1 if there is none.

    Among equal scores the correct pairs come last, so what is reached within them holds at their end as
    well: every rank found here belongs to a threshold.
    """
    ranks = np.flatnonzero(correct)
    precise = np.arange(1, len(ranks) + 1) >= precision * (ranks + 1)
    return int(ranks[precise][-1]) if precise.any() else -1


def _bootstrap(
    predictions: Predictions, measure: Callable[[BoolArray, int], float], seed: int, resamples: int
) -> Figure:
    """The percentile bootstrap over queries (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993).

    A query drawn twice brings its pairs twice, next to each other: repeating the ordered list keeps it
    in order, so each resample costs one pass.
    """
    random = np.random.default_rng(seed)
    count = len(predictions.truths)
    values = np.zeros(resamples)
    for number in range(resamples):
        drawn: Int64Array = np.bincount(random.integers(0, count, count), minlength=count)
        correct = np.repeat(predictions.correct, drawn[predictions.queries])
        values[number] = measure(correct, int(drawn[predictions.has_truth].sum()))
    return _figure(measure(predictions.correct, int(predictions.has_truth.sum())), values)


def _figure(value: float, resampled: Float64Array) -> Figure:
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Figure(value, float(low), float(high))
