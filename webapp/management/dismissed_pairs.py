"""What ``manage.py duplicates`` says of pairs that are no duplicates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from webapp.models import Dismissal
from webapp.selectors.dismissals import DismissedPair, Side, dismissed_count, dismissed_page, with_sides
from webapp.selectors.portions import portions
from webapp.services.dismissals import restore

PAGE = 200


def show(output: OutputWrapper, *, as_json: bool) -> None:
    """Print every dismissed pair, the last first."""
    if as_json:
        answer = {"dismissed": [_as_json(pair) for pair in _all_pairs()]}
        output.write(json.dumps(answer, ensure_ascii=False))
        return
    for pair in _all_pairs():
        output.write(_as_text(pair))
    count = dismissed_count()
    output.write(f"{count} pairs are not duplicates." if count else "No pair was dismissed.")


def forget(output: OutputWrapper, ids: Sequence[int], *, as_json: bool) -> None:
    """Restore pairs. Raises :class:`CommandError` if some of them are not there; the others are restored."""
    known = {pk for some in portions(ids) for pk in _keys(some)}
    count = restore(ids=known, actor=None)
    unknown = sorted(set(ids) - known)
    if as_json:
        output.write(json.dumps({"restored": count, "unknown": unknown}))
    else:
        output.write(f"{count} pairs may be duplicates again.")
    if unknown:
        raise CommandError(f"There is no dismissed pair {', '.join(map(str, unknown))}.")


def _keys(some: list[int]) -> list[int]:
    inside = [pk for pk in some if 0 < pk < 2**63]  # what a database takes as a key
    return list(Dismissal.objects.filter(pk__in=inside).values_list("pk", flat=True))


def _all_pairs() -> Iterator[DismissedPair]:
    page = dismissed_page(limit=PAGE)
    yield from with_sides(page.rows)
    while page.has_older:
        page = dismissed_page(after=page.rows[-1].pk, limit=PAGE)
        yield from with_sides(page.rows)


def _as_json(pair: DismissedPair) -> dict[str, Any]:
    said = pair.dismissal
    return {
        "id": said.pk,
        "first": _side(pair.first),
        "second": _side(pair.second),
        "by": said.actor.get_username() if said.actor else None,
        "at": said.created_at.isoformat(),
        "note": said.note,
    }


def _side(side: Side) -> dict[str, str | None]:
    return {"sha256": side.digest, "path": side.media.path if side.media else None}


def _as_text(pair: DismissedPair) -> str:
    said = pair.dismissal
    names = [side.media.path if side.media else f"({side.digest[:12]})" for side in (pair.first, pair.second)]
    who = said.actor.get_username() if said.actor else "somebody"
    note = f": {said.note}" if said.note else ""
    return f"{said.pk:>8}  {names[0]}  |  {names[1]}  ({who}, {said.created_at:%Y-%m-%d %H:%M}{note})"
