"""Library entries: adding, labelling, trash, restore and purge."""

from __future__ import annotations

from collections.abc import Collection as Group
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.models import Collection, Content, Label, Media
from webapp.selectors.portions import portions
from webapp.services.audit import Actor, record, record_all
from webapp.services.contents import get_or_create_content
from webapp.services.index import note_changes
from webapp.services.manifest import Facts
from webapp.services.media_files import UnusableFile
from webapp.services.storage import StoredFile

NAME_LENGTH = 200  # of a label or a collection
NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of a stored file. ``media``: its entry, or ``None`` because that is in the trash."""

    content: Content
    media: Media | None
    is_new: bool = False


@transaction.atomic
def take_in(
    *,
    stored: StoredFile,
    path: str,
    facts: Facts = NO_FACTS,
    collection: Collection | None = None,
    restore: bool = False,
) -> TakenIn:
    """Give a stored file its content and its entry: both or neither, so that no cleaning comes between.

    ``restore``: an entry that is in the trash comes back; otherwise it stays there.
    """
    content = get_or_create_content(stored=stored)
    if not restore and _is_in_trash(content, path):
        return TakenIn(content, None)
    media, is_new = add_media(
        content=content, path=path, collection=collection, labels=facts.labels, link=facts.link,
        description=facts.description, latitude=facts.latitude, longitude=facts.longitude,
    )  # fmt: skip
    return TakenIn(content, media, is_new)


def check_path(path: str) -> None:
    """Refuse names that the library cannot hold. Raises :class:`UnusableFile`."""
    most = Media._meta.get_field("path").max_length or 0
    if len(path) > most:
        raise UnusableFile(_("The path is longer than %(most)d characters.") % {"most": most})
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UnusableFile(_("The file's name is not valid UTF-8. Rename it.")) from error


def _is_in_trash(content: Content, path: str) -> bool:
    entries = Media.objects.filter(content=content, path=path)
    return entries.exclude(trashed_at=None).exists() and not entries.filter(trashed_at=None).exists()


@transaction.atomic
def add_media(
    *,
    content: Content,
    path: str,
    collection: Collection | None = None,
    labels: Iterable[str] = (),
    description: str = "",
    link: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
) -> tuple[Media, bool]:
    """The live entry of that path and content, and whether it is new.

    One that exists gains the labels and those facts it has not got yet; one in the trash comes back.
    """
    known = Media.objects.filter(content=content, path=path).order_by(F("trashed_at").asc(nulls_first=True))
    media = known.first() or Media(content=content, path=path)
    is_new = media.pk is None or media.trashed_at is not None
    before = _values(media)
    media.trashed_at = None
    media.collection = media.collection or collection
    media.description = media.description or description
    media.link = media.link or link
    if media.latitude is None or media.longitude is None:
        media.latitude, media.longitude = latitude, longitude
    if is_new or _values(media) != before:
        media.save()
    _add_labels(media, labels)
    if is_new:
        note_changes(content_ids=[content.pk])
    return media, is_new


def _values(media: Media) -> tuple[object, ...]:
    return media.collection_id, media.description, media.link, media.latitude, media.longitude


def _add_labels(media: Media, names: Iterable[str]) -> None:
    wanted = {_label_name(name) for name in names}
    if wanted:
        lacking = wanted - set(media.labels.values_list("name", flat=True))
        media.labels.add(*get_or_create_labels(names=lacking))


def get_or_create_collection(*, name: str) -> Collection:
    return Collection.objects.get_or_create(name=name.strip()[:NAME_LENGTH])[0]


def get_or_create_labels(*, names: Iterable[str]) -> list[Label]:
    wanted = sorted({_label_name(name) for name in names} - {""})
    return [Label.objects.get_or_create(name=name)[0] for name in wanted]


def _label_name(name: str) -> str:
    return name.strip()[:NAME_LENGTH].strip()  # a folder's name may be longer than a label's


@transaction.atomic
def set_labels(*, media: Media, names: Iterable[str], actor: Actor) -> list[Label]:
    """Give the entry exactly these labels."""
    labels = get_or_create_labels(names=names)
    before = sorted(media.labels.values_list("name", flat=True))
    after = [label.name for label in labels]
    if before != after:
        media.labels.set(labels)
        record(actor=actor, action="label", subject=media.path, details={"before": before, "after": after})
    return labels


@transaction.atomic
def trash_media(*, media_ids: Sequence[int], actor: Actor) -> int:
    """Move entries to the trash, and return how many were not there yet. They leave the search at once."""
    now, count = timezone.now(), 0
    for some in portions(media_ids):
        entries = list(Media.objects.select_for_update().filter(pk__in=some, trashed_at=None))
        Media.objects.filter(pk__in=[media.pk for media in entries]).update(trashed_at=now)
        _note(entries, actor, "trash")
        count += len(entries)
    return count


@transaction.atomic
def restore_media(*, media_ids: Sequence[int], actor: Actor) -> int:
    """Bring entries back, and return how many came. One whose live twin exists stays in the trash."""
    count = 0
    for some in portions(media_ids):
        trashed = Media.objects.filter(pk__in=some).exclude(trashed_at=None)
        restored = [media for media in trashed if _revive(media)]
        _note(restored, actor, "restore")
        count += len(restored)
    return count


@transaction.atomic
def purge_media(*, media_ids: Sequence[int], actor: Actor) -> int:
    """Delete entries that are in the trash for good. Their files go with the next cleaning."""
    return sum(
        _purge(list(Media.objects.filter(pk__in=some).exclude(trashed_at=None)), actor)
        for some in portions(media_ids)
    )


@transaction.atomic
def purge_trash(*, trashed_before: datetime, actor: Actor = None, limit: int = 500) -> int:
    """Delete up to ``limit`` entries for good that were put in the trash before that date."""
    return _purge(list(Media.objects.filter(trashed_at__lt=trashed_before).order_by("pk")[:limit]), actor)


def _revive(media: Media) -> bool:
    try:
        with transaction.atomic():
            return Media.objects.filter(pk=media.pk).update(trashed_at=None) > 0
    except IntegrityError:
        return False


def _purge(entries: Group[Media], actor: Actor) -> int:
    _note(entries, actor, "purge")
    Media.objects.filter(pk__in=[media.pk for media in entries]).delete()
    return len(entries)


def _note(entries: Group[Media], actor: Actor, action: str) -> None:
    record_all(
        actor=actor, action=action, subjects=[(media.path, {"media_id": media.pk}) for media in entries]
    )
    note_changes(content_ids=[media.content_id for media in entries])
