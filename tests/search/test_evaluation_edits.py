"""Every edit in every strength: it changes the picture, leaves the original alone, and follows its seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from search.errors import EvaluationError
from search.evaluation.edits.base import Group, Strength
from search.evaluation.edits.editing import chain, edited, seeded_tools
from search.evaluation.edits.geometry import inner_size
from search.evaluation.edits.registry import CHAINS, EDITS, names
from tests import media

ALL = (*EDITS, *CHAINS)


def other(number: int) -> Image.Image:
    return media.picture(500 + number % 7, (150, 110))


def apply(name: str, strength: Strength, *, seed: int = 1, number: int = 0) -> Image.Image:
    return edited(
        media.picture(3, (160, 120)), name, strength, seeded_tools(seed, name, strength, number, other)
    )


@pytest.mark.parametrize("strength", Strength)
@pytest.mark.parametrize("name", ALL)
def test_an_edit_changes_the_picture_and_gives_rgb(name: str, strength: Strength) -> None:
    result = apply(name, strength)
    assert result.mode == "RGB"
    assert min(result.size) >= 16
    plain = media.picture(3, (160, 120))
    assert result.size != plain.size or media.encoded(result, "PNG") != media.encoded(plain, "PNG")


@pytest.mark.parametrize("name", ALL)
def test_an_edit_leaves_its_picture_alone_and_follows_its_seed(name: str) -> None:
    plain = media.picture(3, (160, 120))
    before = np.asarray(plain).copy()
    results = [
        edited(plain, name, Strength.MEDIUM, seeded_tools(8, name, Strength.MEDIUM, 2, other))
        for _ in range(2)
    ]
    assert (np.asarray(plain) == before).all()
    assert results[0].size == results[1].size
    assert (np.asarray(results[0]) == np.asarray(results[1])).all()


@pytest.mark.parametrize("name", ["crop", "text", "noise", "picture-in-picture", "chain-3"])
def test_another_seed_or_picture_number_gives_another_result(name: str) -> None:
    results = [
        apply(name, Strength.MEDIUM),
        apply(name, Strength.MEDIUM, seed=2),
        apply(name, Strength.MEDIUM, number=1),
    ]
    assert len({media.encoded(result, "PNG") for result in results}) == 3


@pytest.mark.parametrize(
    "name", ["brightness", "jpeg", "blur", "noise", "watermark", "gradient", "perspective"]
)
def test_a_stronger_edit_changes_more(name: str) -> None:
    # Brightness and others go either way by chance: averaged over several pictures' chances.
    plain = np.asarray(media.picture(3, (160, 120)), float)
    changes = [
        np.mean(
            [np.abs(np.asarray(apply(name, strength, number=at), float) - plain).mean() for at in range(6)]
        )
        for strength in Strength
    ]
    assert changes[0] < changes[1] < changes[2]


def test_a_crop_keeps_about_the_share_that_it_says() -> None:
    for strength, share in zip(Strength, (0.8, 0.5, 0.2), strict=True):
        result = apply("crop", strength)
        assert result.width * result.height / (160 * 120) == pytest.approx(share, rel=0.08)


def test_the_inner_box_touches_the_turned_rectangle_and_stays_inside() -> None:
    for degrees in (0, 10, 35, 60, 90):
        angle = math.radians(degrees)
        width, height = inner_size(160, 120, angle)
        corners = [(x * width / 2, y * height / 2) for x in (-1, 1) for y in (-1, 1)]
        across = [abs(x * math.cos(angle) + y * math.sin(angle)) for x, y in corners]
        up = [abs(y * math.cos(angle) - x * math.sin(angle)) for x, y in corners]
        assert max(across) <= 80 + 1e-9
        assert max(up) <= 60 + 1e-9
        assert max(max(across) - 80, max(up) - 60) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("name", "length"), CHAINS.items())
def test_a_chain_has_its_length_in_different_groups_in_order_and_its_strength(name: str, length: int) -> None:
    for number in range(20):
        tools = seeded_tools(0, name, Strength.MEDIUM, number, other)
        steps = chain(length, Strength.MEDIUM, tools)
        groups = [list(Group).index(edit.group) for edit, _ in steps]
        assert len(steps) == length
        assert groups == sorted(set(groups))
        strengths = {strength for _, strength in steps}
        assert Strength.MEDIUM in strengths
        assert Strength.STRONG not in strengths


def test_names_are_chosen_by_name_and_by_group() -> None:
    assert names() == ALL
    assert names(["jpeg", "crop"]) == ("crop", "jpeg")
    assert set(names(["frame"])) == {"border", "letterbox", "pillarbox", "meme", "screenshot"}
    assert names(["chain"]) == tuple(CHAINS)
    with pytest.raises(EvaluationError, match="'folding'"):
        names(["folding"])
