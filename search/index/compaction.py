"""When segments are merged: a tiered plan, so that the cost of a sync follows the change.

Segments are sorted into tiers by size, each eight times the one below; eight segments in a tier are merged
into one. A row is therefore rewritten once a tier (five times on the way to four million rows), and some
thirty segments at most are searched. A segment of which much was removed is rewritten alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

FAN_OUT = 8
SMALLEST_TIER = FAN_OUT * 1024
"""Segments below so many rows all count as small."""

REMOVED_SHARE = 0.3
"""Above this share of removed rows a segment is rewritten without them."""


@dataclass(frozen=True, slots=True)
class SegmentSize:
    """Rows of a segment that count, and rows that were removed."""

    live: int
    removed: int


def plan(sizes: Sequence[SegmentSize]) -> tuple[tuple[int, ...], ...]:
    """Groups of positions in ``sizes`` to be rewritten as one segment each; all others stay as they are.

    A group of one drops its removed rows. Segments without a live row are in groups of one.
    """
    groups: list[tuple[int, ...]] = [(position,) for position in range(len(sizes))]
    while crowded := _crowded_tier(groups, sizes):
        groups = [group for group in groups if group not in crowded]
        groups.append(tuple(sorted(position for group in crowded for position in group)))
    return tuple(group for group in groups if len(group) > 1 or _worn(sizes[group[0]]))


def _crowded_tier(groups: Sequence[tuple[int, ...]], sizes: Sequence[SegmentSize]) -> list[tuple[int, ...]]:
    tiers: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for group in groups:
        live = sum(sizes[position].live for position in group)
        if live:
            tiers[_tier(live)].append(group)
    crowded = [tier for tier in sorted(tiers) if len(tiers[tier]) >= FAN_OUT]
    return tiers[crowded[0]] if crowded else []


def _tier(rows: int) -> int:
    tier, limit = 0, SMALLEST_TIER
    while rows >= limit:
        tier, limit = tier + 1, limit * FAN_OUT
    return tier


def _worn(size: SegmentSize) -> bool:
    return size.live == 0 or size.removed > REMOVED_SHARE * (size.live + size.removed)
