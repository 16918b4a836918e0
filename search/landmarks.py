"""What a picture shows, by the labels of neighbours that share its geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.types import LandmarkMatch

# Fewer agreeing points on another photograph are as likely an accident (repeated windows, printed text).
MIN_INLIERS = 15


@dataclass(frozen=True, slots=True)
class Witness:
    """A neighbour that a homography joins to the query. ``similarity``: its score as a neighbour, 0..1;
    ``geometry``: score of the verification, 0..1; ``is_copy``: it is the very photograph, not another one."""

    content_id: int
    similarity: float
    geometry: float
    inliers: int
    is_copy: bool


def recognise(
    witnesses: Sequence[Witness],
    labels: Mapping[int, tuple[str, ...]],
    *,
    min_inliers: int = MIN_INLIERS,
) -> tuple[LandmarkMatch, ...]:
    """Labels supported by verified neighbours, best first; empty when nothing is verified: unknown.

    Each label sums the evidence of its witnesses as independent chances, ``1 - product of (1 - geometry)``,
    and names the one with the most agreeing points. Neighbours that merely look alike have no say. Witnesses
    that are not copies need ``min_inliers``.
    """
    doubt: dict[str, float] = {}
    best: dict[str, Witness] = {}
    for witness in witnesses:
        if not witness.is_copy and witness.inliers < min_inliers:
            continue
        for label in labels.get(witness.content_id, ()):
            doubt[label] = doubt.get(label, 1.0) * (1.0 - witness.geometry)
            if label not in best or _strength(witness) > _strength(best[label]):
                best[label] = witness
    matches = [
        LandmarkMatch(label, 1.0 - doubt[label], witness.inliers, witness.content_id)
        for label, witness in best.items()
    ]
    return tuple(sorted(matches, key=lambda match: (-match.score, -match.inliers, match.label)))


def _strength(witness: Witness) -> tuple[int, float, int]:
    return witness.inliers, witness.similarity, -witness.content_id
