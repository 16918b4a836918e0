"""Applying edits and chains by name, each picture from a seed of its own."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from search.evaluation.edits.base import Edit, Group, Strength, Tools
from search.evaluation.edits.registry import CHAINS, EDITS

_POSTED_QUALITY = 90


def edited(picture: Image.Image, name: str, strength: Strength, tools: Tools) -> Image.Image:
    """The picture after an edit or chain, as somebody would post it: JPEG at quality 90, decoded again."""
    if name in EDITS:
        return _posted(EDITS[name].apply(picture, EDITS[name].amount(strength), tools))
    for edit, step_strength in chain(CHAINS[name], strength, tools):
        picture = edit.apply(picture, edit.amount(step_strength), tools)
    return _posted(picture)


def chain(length: int, strength: Strength, tools: Tools) -> list[tuple[Edit, Strength]]:
    """A chain: ``length`` edits of different groups, in the order of the groups; each of a strength up to
    ``strength``, and one of them of just that."""
    groups = list(Group)
    chosen = sorted(tools.random.choice(len(groups), length, replace=False).tolist())
    strengths = list(Strength)[: list(Strength).index(strength) + 1]
    full = int(tools.random.integers(length))
    steps = []
    for position, group in enumerate(chosen):
        of_group = [edit for edit in EDITS.values() if edit.group is groups[group]]
        edit = of_group[int(tools.random.integers(len(of_group)))]
        any_strength = strengths[int(tools.random.integers(len(strengths)))]
        steps.append((edit, strength if position == full else any_strength))
    return steps


def seeded_tools(
    seed: int, name: str, strength: Strength, number: int, other: Callable[[int], Image.Image]
) -> Tools:
    """Tools for one edit of one picture, from ``seed``, the names and the picture's number alone: a query
    looks the same whichever others are made. ``other`` gets any whole number and gives a picture."""
    random = np.random.default_rng([seed, zlib.crc32(f"{name} {strength}".encode()), number])
    return Tools(random, lambda: other(int(random.integers(1 << 30))))


def _posted(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_POSTED_QUALITY)
    return Image.open(stream).convert("RGB")
