"""Saying that members of a group are no duplicates, and taking it back."""

from __future__ import annotations

from collections.abc import Collection as Group
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from webapp.models import Dismissal, DuplicateGroup, DuplicateReport, Media
from webapp.selectors.duplicates import OPEN_REPORTS
from webapp.selectors.portions import portions
from webapp.services.audit import Actor, record
from webapp.services.regrouping import lock_groups_of, regroup

# A decision is a row a pair: some 300 files that are all different from each other.
MOST_PAIRS = 50_000
Pairs = set[tuple[str, str]]


class DismissRefused(Exception):
    """Nothing was changed. ``str(error)`` is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Dismissed:
    """``pairs``: those that nobody had dismissed before. ``trashed``: entries in the trash by now."""

    decision: UUID
    pairs: int
    trashed: tuple[int, ...]


@transaction.atomic
def dismiss_group(
    *,
    group: DuplicateGroup,
    actor: Actor,
    apart: Group[int] | None = None,
    among: Group[int] | None = None,
    note: str = "",
) -> Dismissed:
    """Remember that members of a group are no duplicates of each other, and take the group apart.

    ``apart``: entries that are none of the rest; without it, every pair is meant. ``among``: entries the
    person saw, in the trash by now or not; without it, all members that are not in the trash.

    Raises:
        DismissRefused: the same bytes are duplicates whatever one says, or there is no pair to dismiss.
    """
    if group.relation == DuplicateGroup.Relation.EXACT:
        raise DismissRefused(_("These files are the same bytes. Keep one or keep all, as you like."))
    lock_open_reports()
    members = _members(group, among)
    pairs = _pairs(members, apart)
    held = lock_groups_of(digests={digest for pair in pairs for digest in pair})
    decision = uuid4()
    user = actor if isinstance(actor, User) else None
    rows = [
        Dismissal(first=a, second=b, decision=decision, actor=user, note=note[:200]) for a, b in sorted(pairs)
    ]
    # What somebody else has dismissed already stays his.
    Dismissal.objects.bulk_create(rows, ignore_conflicts=True, batch_size=150)
    count = Dismissal.objects.filter(decision=decision).count()
    regroup(groups=held)
    details = {
        "report": group.report_id, "decision": str(decision), "pairs": count, "media": sorted(members),
        "apart": None if apart is None else sorted(set(apart) & members.keys()),
    }  # fmt: skip
    record(actor=actor, action="duplicates.dismiss", subject=f"group {group.pk}", details=details)
    trashed = Media.objects.filter(pk__in=list(members)).exclude(trashed_at=None)
    return Dismissed(decision, count, tuple(trashed.order_by("pk").values_list("pk", flat=True)))


@transaction.atomic
def restore(*, ids: Iterable[int] = (), decision: UUID | None = None, actor: Actor) -> int:
    """Forget dismissals, by their keys or by the decision, and return how many there were.

    Groups that they had taken apart are whole again.
    """
    lock_open_reports()
    found = Dismissal.objects.select_for_update().order_by("pk")
    chosen = [one for some in portions(ids) for one in found.filter(pk__in=some)]
    if decision is not None:
        chosen += found.filter(decision=decision)
    if not chosen:
        return 0
    held = lock_groups_of(digests={digest for one in chosen for digest in (one.first, one.second)})
    for some in portions(one.pk for one in chosen):
        Dismissal.objects.filter(pk__in=some).delete()
    regroup(groups=held)
    pairs = sorted({(one.first, one.second) for one in chosen})
    record(actor=actor, action="duplicates.restore", subject=f"{len(pairs)} pairs", details={"pairs": pairs})
    return len(pairs)


def lock_open_reports() -> None:
    """Wait for a report that is being saved just now, so that its groups are there to be taken apart."""
    list(DuplicateReport.objects.select_for_update().filter(status__in=OPEN_REPORTS).order_by("pk"))


def _members(group: DuplicateGroup, among: Group[int] | None) -> dict[int, str]:
    """Digests by the key of the entry."""
    members = group.members.all()
    members = members.filter(media__trashed_at=None) if among is None else members
    digests = dict(members.order_by().values_list("media", "media__content__sha256"))
    return digests if among is None else {pk: digests[pk] for pk in set(among) & digests.keys()}


def _pairs(members: dict[int, str], apart: Group[int] | None) -> Pairs:
    everyone = set(members.values())
    if len(everyone) < 2:
        raise DismissRefused(_("There are no two different files left in this group. Nothing was changed."))
    ticked = {members[pk] for pk in set(apart or ()) & members.keys()}
    rest = everyone - ticked
    if apart is not None and not (ticked and rest):
        raise DismissRefused(_("Tick those that are no copies of the rest, and leave the rest unticked."))
    few = apart is not None
    count = len(ticked) * len(rest) if few else len(everyone) * (len(everyone) - 1) // 2
    if count > MOST_PAIRS:
        raise DismissRefused(
            _("These are %(count)d pairs, more than are remembered at once. Tick some and set those apart.")
            % {"count": count}
        )
    return {(min(pair), max(pair)) for pair in (product(ticked, rest) if few else combinations(everyone, 2))}
