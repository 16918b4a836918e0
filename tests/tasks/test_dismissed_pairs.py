"""What a person has told apart stays apart: in new reports, under new rules, and after a new import."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from tasks import duplicates
from tests.library import LibraryMaker
from tests.said_pairs import SaidPairs, built
from webapp.models import Content, Dismissal, DuplicateGroup, DuplicateReport, Embedding, Media
from webapp.selectors import duplicates as selector
from webapp.services import contents
from webapp.services import duplicates as service
from webapp.services import library as entries
from webapp.services.dismissals import dismiss_group, restore

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def pairs(monkeypatch: pytest.MonkeyPatch) -> SaidPairs:
    return SaidPairs.installed(monkeypatch)


def groups(report: DuplicateReport) -> set[frozenset[str]]:
    return {
        frozenset(member.media.path for member in selector.group_members(group))
        for group in selector.groups(report)
    }


def only_group(report: DuplicateReport) -> DuplicateGroup:
    [group] = selector.groups(report)
    return group


def call(*arguments: str) -> Any:
    output = io.StringIO()
    call_command("duplicates", "--json", *arguments, stdout=output)
    return json.loads(output.getvalue())


def test_a_dismissed_group_is_in_no_later_report_whatever_the_rules_and_the_model(
    library: LibraryMaker, pairs: SaidPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = library.picture(1, "one.jpg"), library.picture(2, "two.jpg")
    three, four = library.picture(3, "three.jpg"), library.picture(4, "four.jpg")
    pairs.say(one, two, 0.99)
    pairs.say(three, four, 0.6)
    first = built()
    [group] = [group for group in selector.groups(first) if group.best_id in (one.pk, two.pk)]
    dismiss_group(group=group, actor=None)
    others = {frozenset(("three.jpg", "four.jpg"))}
    assert groups(first) == groups(built()) == others

    monkeypatch.setattr(duplicates, "RULES_VERSION", 2)
    pairs.checked.clear()
    assert groups(built()) == others
    assert (one.content_id, two.content_id) not in pairs.checked and len(pairs.checked) == 5
    Embedding.objects.update(model_key="other@1")
    again = SaidPairs.installed(monkeypatch, model_key="other@1")
    again.copies = pairs.copies
    assert groups(built()) == others


def test_files_that_were_deleted_for_good_and_come_back_stay_apart(
    library: LibraryMaker, pairs: SaidPairs
) -> None:
    one, two = library.picture(1, "one.jpg"), library.picture(2, "two.jpg")
    pairs.say(one, two)
    dismiss_group(group=only_group(built()), actor=None)
    entries.trash_media(media_ids=[one.pk, two.pk], actor=None)
    entries.purge_media(media_ids=[one.pk, two.pk], actor=None)
    contents.delete_orphans(before=timezone.now() + timedelta(seconds=1))
    assert not Content.objects.exists()
    library.picture(7, "between.jpg")  # so that the numbers of the rows are others

    back = library.picture(2, "back/two.jpg"), library.picture(1, "back/one.jpg")
    pairs.copies.clear()
    pairs.say(*back)
    assert {media.content.sha256 for media in back} == {one.content.sha256, two.content.sha256}
    assert groups(built()) == set()
    restore(ids=Dismissal.objects.values_list("pk", flat=True), actor=None)
    assert groups(built()) == {frozenset(("back/one.jpg", "back/two.jpg"))}


def test_a_bridge_does_not_bring_together_what_is_apart(library: LibraryMaker, pairs: SaidPairs) -> None:
    one, two, three, four = (library.picture(seed, f"{seed}.jpg") for seed in (1, 2, 3, 4))
    pairs.say(one, two, 0.9)
    pairs.say(two, three, 0.8)
    pairs.say(three, four, 0.7)
    report = built()
    assert groups(report) == {frozenset(("1.jpg", "2.jpg", "3.jpg"))}
    dismiss_group(group=only_group(report), actor=None, among=[one.pk, three.pk])
    assert Dismissal.objects.count() == 1
    assert len(groups(report)) == 1 and len(next(iter(groups(report)))) == 2
    # The third is free for the fourth now, which it was not while the bridge held it.
    assert groups(built()) == {frozenset(("1.jpg", "2.jpg")), frozenset(("3.jpg", "4.jpg"))}


def test_what_is_dismissed_while_a_report_is_made_is_not_lost(
    library: LibraryMaker, pairs: SaidPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (library.picture(seed, f"{seed}.jpg") for seed in (1, 2, 3))
    for first, second in ((one, two), (one, three), (two, three)):
        pairs.say(first, second)
    before = only_group(built())
    save = service.save_groups

    def somebody_is_quicker(**given: Any) -> bool:
        dismiss_group(group=before, actor=None, apart=[three.pk])
        return save(**given)

    monkeypatch.setattr(service, "save_groups", somebody_is_quicker)
    late = built()
    assert groups(late) == {frozenset(("1.jpg", "2.jpg"))}
    assert late.group_count == 1
    assert late.reclaimable_bytes == only_group(late).reclaimable_bytes


def test_twins_of_the_same_bytes_stay_together_and_are_never_dismissed(
    library: LibraryMaker, pairs: SaidPairs
) -> None:
    one, two = library.picture(1, "one.jpg"), library.picture(2, "two.jpg")
    library.picture(2, "twin.jpg")
    pairs.say(one, two)
    report = built()
    near = selector.groups(report, relation="near")[0]
    dismiss_group(group=near, actor=None)
    assert Dismissal.objects.count() == 1
    assert groups(report) == groups(built()) == {frozenset(("two.jpg", "twin.jpg"))}


def test_the_command_lists_and_restores(library: LibraryMaker, pairs: SaidPairs) -> None:
    one, two, three = (library.picture(seed, f"{seed}.jpg") for seed in (1, 2, 3))
    for first, second in ((one, two), (one, three), (two, three)):
        pairs.say(first, second)
    edda = User.objects.create_user("edda")
    dismiss_group(group=only_group(built()), actor=edda, note="a burst")
    Media.objects.filter(pk=three.pk).delete()
    found = call("--dismissed")["dismissed"]
    assert len(found) == 3 and DuplicateReport.objects.count() == 1, "no report is made"
    assert {row["by"] for row in found} == {"edda"} and {row["note"] for row in found} == {"a burst"}
    sides = {(side["sha256"], side["path"]) for row in found for side in (row["first"], row["second"])}
    assert sides == {
        (one.content.sha256, "1.jpg"), (two.content.sha256, "2.jpg"), (three.content.sha256, None)
    }  # fmt: skip
    here = [row["id"] for row in found if row["first"]["path"] and row["second"]["path"]]
    assert call("--restore", *map(str, here)) == {"restored": 1, "unknown": []}
    assert len(call("--dismissed")["dismissed"]) == 2
    assert [{m["path"] for m in group["members"]} for group in call()["groups"]] == [{"1.jpg", "2.jpg"}]
    with pytest.raises(CommandError, match="There is no dismissed pair 0, 99999999999999999999"):
        call("--restore", "0", "99999999999999999999")
    output = io.StringIO()
    call_command("duplicates", "--dismissed", stdout=output)
    assert "(edda, " in output.getvalue() and "2 pairs are not duplicates." in output.getvalue()
    for wrong in (["--dismissed", "--restore", "1"], ["--dismissed", "--collection", "Lakes"]):
        with pytest.raises(CommandError):
            call(*wrong)
