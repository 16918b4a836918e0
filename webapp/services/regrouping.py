"""Keeping the groups of reports in step with what people have said are no duplicates.

A group stays as it was found. Once two of its members are apart, its parts stand for it; they are worked out
anew from all dismissals whenever one comes or goes, so the order of decisions and undos does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from webapp.models import DuplicateGroup, DuplicateMember, DuplicateReport
from webapp.selectors.dismissals import Apart, apart_within, dismissed_digests
from webapp.selectors.portions import portions
from webapp.services.group_rows import save_totals, write_group

Members = list[DuplicateMember]
AT_ONCE = 500


def lock_current(*, group: DuplicateGroup) -> bool:
    """Hold a group against dismissals until the transaction ends. False: it was taken apart meanwhile."""
    list(DuplicateGroup.objects.select_for_update().filter(pk=group.origin_id or group.pk))
    return DuplicateGroup.objects.filter(pk=group.pk, is_current=True).exists()


def lock_groups_of(*, digests: Iterable[str], report: DuplicateReport | None = None) -> list[DuplicateGroup]:
    """Hold every group as it was found, of every report or one, with members of two of these contents."""
    found: dict[int, set[str]] = {}
    for some in _portions(digests):
        members = DuplicateMember.objects.filter(media__content__sha256__in=some, group__origin=None)
        members = members.filter(group__report=report) if report else members
        near = members.filter(group__relation=DuplicateGroup.Relation.NEAR).order_by()
        for pk, digest in near.values_list("group", "media__content__sha256"):
            found.setdefault(pk, set()).add(digest)
    wanted = [pk for pk, there in found.items() if len(there) > 1]
    rows = DuplicateGroup.objects.select_for_update()
    # Always in the same order, so that two people never wait for each other.
    return [group for some in portions(sorted(wanted)) for group in rows.filter(pk__in=some).order_by("pk")]


def _portions(digests: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(set(digests))
    return (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))


def regroup(*, groups: Iterable[DuplicateGroup]) -> None:
    """Bring groups as they were found, and the totals of their reports, in step with the dismissals."""
    changed = {group.report_id for group in groups if _regroup(group)}
    for report in DuplicateReport.objects.select_for_update().filter(pk__in=changed).order_by("pk"):
        save_totals(report=report)


def regroup_report(*, report: DuplicateReport) -> None:
    """Take apart what was dismissed while the report was being made. The totals are left to the caller."""
    for group in lock_groups_of(digests=dismissed_digests(), report=report):
        _regroup(group)


def _regroup(group: DuplicateGroup) -> bool:
    """Whether anything changed."""
    parts = _parts(group)
    is_whole = len(parts) < 2
    missing = {} if is_whole else {_keys(part): part for part in parts if _has_a_choice(part)}
    changes = [_set_current(group, is_whole)]
    for row in group.parts.prefetch_related("members").order_by("pk"):
        is_wanted = missing.pop(_keys(row.members.all()), None) is not None
        changes.append(_set_current(row, is_wanted))
    for part in missing.values():
        _write_part(group, part)
    return any(changes) or bool(missing)


def _parts(group: DuplicateGroup) -> list[Members]:
    """Members in the fewest runs, best copy first, of which none holds two that are apart."""
    members = list(group.members.select_related("media__content"))
    members.sort(key=lambda one: (one.media_id != group.best_id, -one.score, one.pk))
    apart = apart_within({_digest(one) for one in members})
    parts: list[tuple[set[str], Members]] = []
    for one in members:
        digests, part = _place(parts, apart, _digest(one))
        digests.add(_digest(one))
        part.append(one)
    return [part for _, part in parts]


def _place(parts: list[tuple[set[str], Members]], apart: Apart, digest: str) -> tuple[set[str], Members]:
    others = apart.get(digest, set())
    for part in parts:
        if others.isdisjoint(part[0]):
            return part
    parts.append((set(), []))
    return parts[-1]


def _write_part(group: DuplicateGroup, members: Members) -> None:
    write_group(
        report=group.report, relation=group.relation, origin=group,
        members=sorted((one.media for one in members), key=lambda media: media.pk),
        scores={one.media_id: one.score for one in members},
    )  # fmt: skip


def _set_current(group: DuplicateGroup, is_current: bool) -> bool:
    if group.is_current == is_current:
        return False
    group.is_current = is_current
    group.save(update_fields=["is_current"])
    return True


def _has_a_choice(members: Members) -> bool:
    """Entries of the same bytes alone have an exact group of their own."""
    return len({_digest(one) for one in members}) > 1


def _digest(member: DuplicateMember) -> str:
    return member.media.content.sha256


def _keys(members: Iterable[DuplicateMember]) -> frozenset[int]:
    return frozenset(one.media_id for one in members)
