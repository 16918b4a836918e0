"""Scores that mean the same for every query."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import ranking
from search.ranking import Background, probability
from search.types import Float32Array


def unit(seed: int, count: int) -> Float32Array:
    vectors = np.random.default_rng(seed).normal(size=(count, 16))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


class TestBackground:
    def test_the_level_is_the_mean_of_the_three_nearest_strangers(self) -> None:
        strangers, queries = unit(0, 40), unit(1, 5)
        expected = [np.mean(sorted(strangers @ query)[-3:]) for query in queries]
        np.testing.assert_allclose(Background(strangers).levels(queries), expected, rtol=1e-5)

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_a_small_background_is_no_error(self, count: int) -> None:
        levels = Background(unit(0, count)).levels(unit(1, 5))
        assert levels.shape == (5,)
        assert (levels == 0).all() == (count == 0)

    def test_a_query_that_is_close_to_everything_gains_nothing_by_it(self) -> None:
        strangers = unit(0, 40)
        common, rare = strangers[:1], unit(7, 1)
        cosines = np.array([[0.8]], np.float32)
        background = Background(strangers)
        assert background.normalised(cosines, common)[0, 0] < background.normalised(cosines, rare)[0, 0]


class TestProbability:
    @given(st.floats(-2, 2, width=32), st.floats(-2, 2, width=32))
    def test_it_rises_and_stays_between_0_and_1(self, one: float, two: float) -> None:
        low, high = sorted((float(probability(one)), float(probability(two))))
        assert 0 <= low <= high <= 1
        if one < two:
            assert probability(one) <= probability(two)

    def test_one_half_is_at_the_midpoint(self) -> None:
        assert float(probability(ranking.MIDPOINT)) == pytest.approx(0.5)

    def test_no_neighbour_scores_nothing(self) -> None:
        assert float(probability(-np.inf)) == pytest.approx(0, abs=1e-6)
