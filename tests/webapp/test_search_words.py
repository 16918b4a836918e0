"""How values are put into words on the pages."""

from __future__ import annotations

import pytest

from webapp.templatetags.sightline import length_words, percent, timecode


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""), (0, "0:00.0"), (7.25, "0:07.2"), (59.96, "1:00.0"), (61, "1:01.0"),
        (3599.99, "1:00:00.0"), (3725.5, "1:02:05.5"), (-0.01, "0:00.0"),
    ],
)  # fmt: skip
def test_a_moment_is_written_to_a_tenth_of_a_second(seconds: float | None, words: str) -> None:
    assert timecode(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.4, "0:00.4"), (8.0, "0:08"), (9.46, "0:09.5"), (75.4, "1:15"), (7200, "2:00:00")],
)
def test_a_duration_has_tenths_only_where_they_matter(seconds: float | None, words: str) -> None:
    assert length_words(seconds) == words


@pytest.mark.parametrize(
    ("score", "words"),
    [(None, ""), (0.0, "0 %"), (0.934, "93 %"), (0.9999, "99 %"), (1.0, "100 %"), (1.2, "100 %")],
)
def test_only_a_perfect_score_reads_a_hundred_percent(score: float | None, words: str) -> None:
    assert percent(score) == words
