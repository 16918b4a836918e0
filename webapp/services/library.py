"""Library entries: adding, labelling, trash, restore and purge."""

from __future__ import annotations

from collections.abc import Collection as Group
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from webapp.models import Collection, Content, Label, Media
from webapp.services.audit import Actor, record
from webapp.services.index import note_changes


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
    wanted = {name.strip() for name in names}
    if wanted:
        lacking = wanted - set(media.labels.values_list("name", flat=True))
        media.labels.add(*get_or_create_labels(names=lacking))


def get_or_create_collection(*, name: str) -> Collection:
    return Collection.objects.get_or_create(name=name.strip())[0]


def get_or_create_labels(*, names: Iterable[str]) -> list[Label]:
    wanted = sorted({name.strip() for name in names if name.strip()})
    return [Label.objects.get_or_create(name=name)[0] for name in wanted]


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
    entries = list(Media.objects.filter(pk__in=media_ids, trashed_at=None))
    Media.objects.filter(pk__in=[media.pk for media in entries]).update(trashed_at=timezone.now())
    _note(entries, actor, "trash")
    return len(entries)


@transaction.atomic
def restore_media(*, media_ids: Sequence[int], actor: Actor) -> int:
    """Bring entries back, and return how many came. One whose live twin exists stays in the trash."""
    restored = [
        media for media in Media.objects.filter(pk__in=media_ids).exclude(trashed_at=None) if _revive(media)
    ]
    _note(restored, actor, "restore")
    return len(restored)


@transaction.atomic
def purge_media(*, media_ids: Sequence[int], actor: Actor) -> int:
    """Delete entries that are in the trash for good. Their files go with the next cleaning."""
    return _purge(list(Media.objects.filter(pk__in=media_ids).exclude(trashed_at=None)), actor)


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
    for media in entries:
        record(actor=actor, action=action, subject=media.path, details={"media_id": media.pk})
    note_changes(content_ids=[media.content_id for media in entries])
