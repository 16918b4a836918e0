"""Find duplicates in the library: exact ones by their bytes, near ones by verified evidence."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks.duplicates import build_report
from tasks.indexing import sync
from webapp.management import dismissed_pairs
from webapp.models import Collection, DuplicateGroup, DuplicateMember, DuplicateReport
from webapp.selectors.duplicates import groups, members_of
from webapp.services.duplicates import create_report
from webapp.services.index import IndexBusy, LeaseLost, ModelChanged

INDEX_WAIT_SECONDS = 60.0
PAGE = 200

Groups = list[tuple[DuplicateGroup, list[DuplicateMember]]]


class Command(BaseCommand):
    help = "Finds exact and near duplicates and says which copy is best and why. Deletes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        parser.add_argument("--collection", metavar="NAME", help="look only into this collection")
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--dismissed", action="store_true", help="list pairs that are not duplicates")
        instead.add_argument(
            "--restore", metavar="ID", nargs="+", type=int, help="forget that these pairs are not duplicates"
        )

    def handle(
        self, *, json: bool, collection: str | None, dismissed: bool, restore: list[int] | None, **_: Any
    ) -> None:
        if collection and (dismissed or restore):
            raise CommandError("--collection is for reports; pairs are dismissed for the whole library.")
        if dismissed:
            dismissed_pairs.show(self.stdout, as_json=json)
        elif restore:
            dismissed_pairs.forget(self.stdout, restore, as_json=json)
        else:
            self._report(collection, json)

    def _report(self, collection: str | None, json: bool) -> None:
        where = _collection(collection)
        self._sync()  # before the report: a sweep would give one that waits to a worker
        report = create_report(collection=where)
        build_report(report.pk)
        report.refresh_from_db()
        if report.status != DuplicateReport.Status.DONE:
            raise CommandError(report.error or "The report was stopped before it was complete.")
        found = _all_groups(report)
        self._print_json(found) if json else self._print_text(found)

    def _sync(self) -> None:
        try:
            sync(wait_seconds=INDEX_WAIT_SECONDS)
        except (IndexBusy, LeaseLost, ModelChanged):
            self.stderr.write("The index is being changed by somebody else; what is in it now is compared.")

    def _print_json(self, found: Groups) -> None:
        answer = {"groups": [_as_json(group, members) for group, members in found]}
        self.stdout.write(json.dumps(answer, ensure_ascii=False))

    def _print_text(self, found: Groups) -> None:
        for group, members in found:
            self.stdout.write(f"{group.get_relation_display()}. {group.reason}")
            for member in members:
                mark = "*" if member.media_id == group.best_id else " "
                self.stdout.write(f"  {mark} {member.score:.2f}  {member.media.path}")
        self.stdout.write(f"{len(found)} groups." if found else "No duplicates were found.")


def _collection(name: str | None) -> Collection | None:
    if name is None:
        return None
    try:
        return Collection.objects.get(name=name)
    except Collection.DoesNotExist as error:
        raise CommandError(f"There is no collection called {name!r}.") from error


def _all_groups(report: DuplicateReport) -> Groups:
    found: Groups = []
    page = groups(report, limit=PAGE)
    while page:
        members = members_of(page)
        found += [(group, members[group.pk]) for group in page]
        page = groups(report, after=page[-1].pk, limit=PAGE)
    return found


def _as_json(group: DuplicateGroup, members: list[DuplicateMember]) -> dict[str, Any]:
    return {
        "relation": group.relation,
        "best": group.best.path,
        "reason": group.reason,
        "members": [{"path": member.media.path, "score": round(member.score, 4)} for member in members],
    }
