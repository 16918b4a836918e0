"""Every edit by name, and chains of them."""

from __future__ import annotations

from collections.abc import Sequence

from search.errors import EvaluationError
from search.evaluation.edits import colour, compositions, frames, geometry, overlays, quality
from search.evaluation.edits.base import Edit, Group

_ALL = (
    Edit("crop", Group.GEOMETRY, geometry.crop, 0.8, 0.5, 0.2),
    Edit("scale", Group.GEOMETRY, geometry.scale, 0.6, 0.35, 0.15),
    Edit("aspect", Group.GEOMETRY, geometry.aspect, 1.15, 1.4, 1.8),
    Edit("mirror", Group.GEOMETRY, geometry.mirror, 1, 1, 1),
    Edit("rotation", Group.GEOMETRY, geometry.rotation, 5, 15, 35),
    Edit("quarter-turn", Group.GEOMETRY, geometry.quarter_turn, 1, 1, 1),
    Edit("perspective", Group.GEOMETRY, geometry.perspective, 0.08, 0.18, 0.32),
    Edit("brightness", Group.COLOUR, colour.brightness, 0.2, 0.4, 0.6),
    Edit("contrast", Group.COLOUR, colour.contrast, 0.25, 0.5, 0.75),
    Edit("saturation", Group.COLOUR, colour.saturation, 0.3, 0.6, 0.9),
    Edit("grey", Group.COLOUR, colour.grey, 1, 1, 1),
    Edit("sepia", Group.COLOUR, colour.sepia, 0.5, 0.9, 1),
    Edit("invert", Group.COLOUR, colour.invert, 1, 1, 1),
    Edit("gamma", Group.COLOUR, colour.gamma, 1.3, 1.7, 2.5),
    Edit("colour-cast", Group.COLOUR, colour.colour_cast, 0.12, 0.25, 0.45),
    Edit("text", Group.OVERLAY, overlays.text, 1, 2, 4),
    Edit("shapes", Group.OVERLAY, overlays.shapes, 1, 2, 5),
    Edit("logo", Group.OVERLAY, overlays.logo, 0.15, 0.25, 0.4),
    Edit("watermark", Group.OVERLAY, overlays.watermark, 0.25, 0.45, 0.75),
    Edit("gradient", Group.OVERLAY, overlays.gradient, 0.4, 0.65, 0.9),
    Edit("border", Group.FRAME, frames.border, 0.03, 0.08, 0.18),
    Edit("letterbox", Group.FRAME, frames.letterbox, 0.12, 0.25, 0.45),
    Edit("pillarbox", Group.FRAME, frames.pillarbox, 0.12, 0.25, 0.45),
    Edit("meme", Group.FRAME, frames.meme, 0.12, 0.2, 0.3),
    Edit("screenshot", Group.FRAME, frames.screenshot, 0.25, 0.4, 0.55),
    Edit("picture-in-picture", Group.COMPOSITION, compositions.picture_in_picture, 0.5, 0.3, 0.15),
    Edit("collage", Group.COMPOSITION, compositions.collage, 2, 4, 9),
    Edit("jpeg", Group.QUALITY, quality.jpeg, 50, 10, 5),
    Edit("blur", Group.QUALITY, quality.blur, 0.004, 0.01, 0.025),
    Edit("noise", Group.QUALITY, quality.noise, 8, 20, 45),
    Edit("pixelate", Group.QUALITY, quality.pixelate, 120, 60, 30),
    Edit("half-tone", Group.QUALITY, quality.half_tone, 0.008, 0.014, 0.022),
)

EDITS: dict[str, Edit] = {edit.name: edit for edit in _ALL}
"""Every single edit. Amounts are explained in the edits' docstrings; 1, 1, 1 stands for one strength only."""

CHAINS: dict[str, int] = {"chain-2": 2, "chain-3": 3, "chain-4": 4}
"""Chains by name, with how many edits they have."""


def names(wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of edits and chains in their order. ``wanted``: names, or groups of edits; nothing means all.

    Raises:
        EvaluationError: something wanted is neither.
    """
    known = (*EDITS, *CHAINS)
    groups = {str(group) for group in Group} | {"chain"}
    unknown = [name for name in wanted if name not in known and name not in groups]
    if unknown:
        raise EvaluationError(f"There is no edit called {unknown[0]!r}. There are: {', '.join(known)}.")
    return tuple(name for name in known if not wanted or name in wanted or group_of(name) in wanted)


def group_of(name: str) -> str:
    """The group of an edit; ``chain`` for chains."""
    return "chain" if name in CHAINS else str(EDITS[name].group)
