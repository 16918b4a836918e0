"""Labels only from neighbours whose geometry was verified."""

from __future__ import annotations

import pytest

from search.landmarks import Witness, recognise

LABELS = {1: ("bridge",), 2: ("bridge", "river"), 3: ("tower",)}


def witness(content_id: int, inliers: int, *, geometry: float = 0.5, is_copy: bool = False) -> Witness:
    return Witness(content_id, 0.5, geometry, inliers, is_copy)


class TestLandmarks:
    def test_labels_of_verified_neighbours_add_up(self) -> None:
        found = recognise([witness(1, 20), witness(2, 40), witness(3, 30)], LABELS)
        assert [match.label for match in found] == ["bridge", "river", "tower"]
        assert found[0].score == pytest.approx(0.75)
        assert (found[0].content_id, found[0].inliers) == (2, 40)

    def test_without_verified_neighbours_the_answer_is_unknown(self) -> None:
        assert recognise([], LABELS) == ()
        assert recognise([witness(1, 9)], LABELS) == ()

    def test_a_copy_needs_fewer_points(self) -> None:
        assert [match.label for match in recognise([witness(3, 9, is_copy=True)], LABELS)] == ["tower"]

    def test_neighbours_without_labels_say_nothing(self) -> None:
        assert recognise([witness(7, 80)], LABELS) == ()
