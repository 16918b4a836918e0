"""Acting on a duplicate group: some members stay, others go to the trash, never all of them."""

from __future__ import annotations

from collections.abc import Collection as Group

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.models import DuplicateGroup, Media
from webapp.services.audit import Actor, record
from webapp.services.library import trash_media
from webapp.services.regrouping import lock_current


class KeepRefused(Exception):
    """Nothing was changed. ``str(error)`` is a sentence for a person."""


@transaction.atomic
def keep_members(
    *, group: DuplicateGroup, keep: Group[int], among: Group[int] | None = None, actor: Actor
) -> list[int]:
    """Trash the members that are not in ``keep`` (of ``among`` if given), and return their media ids.

    Raises:
        KeepRefused: none of those to keep is still in the library as a member of the group, or somebody has
            said meanwhile that not all of the members are duplicates.
    """
    if not lock_current(group=group):
        words = _("Somebody has said meanwhile that these are not all duplicates. Nothing was changed.")
        raise KeepRefused(words)
    members = Media.objects.filter(trashed_at=None, pk__in=group.members.values("media"))
    # The rows stay locked until the end: two people who keep opposite halves cannot lose both.
    live = set(members.select_for_update(of=("self",)).values_list("pk", flat=True))
    kept = live & set(keep)
    if not kept:
        raise KeepRefused(_("What you wanted to keep is not in the library any more. Nothing was changed."))
    gone = sorted((live if among is None else live & set(among)) - kept)
    if gone:
        trash_media(media_ids=gone, actor=actor)
        details = {"report": group.report_id, "kept": sorted(kept), "trashed": gone}
        record(actor=actor, action="duplicates.keep", subject=f"group {group.pk}", details=details)
    return gone
