"""The pointer row of the index, its single writer, and the list of what the index has not seen."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from webapp.models import ActiveModel, IndexChange, IndexState
from webapp.selectors.index import contents_without_vectors
from webapp.selectors.portions import portions
from webapp.services import claims

LEASE_SECONDS = 60.0


class IndexBusy(Exception):
    """Another process is writing the index now."""


class LeaseLost(Exception):
    """The writer was away for so long that another took over; what it wrote aside is not used."""


class ModelChanged(Exception):
    """Another model became the active one meanwhile."""


def note_changes(*, content_ids: Iterable[int]) -> None:
    """Say that the place of these contents in the index may have changed, in the caller's transaction."""
    IndexChange.objects.bulk_create([IndexChange(content_id=pk) for pk in set(content_ids)], batch_size=500)


@contextlib.contextmanager
def writer(*, model_key: str, wait_seconds: float) -> Iterator[tuple[IndexState, str]]:
    """Hold the only right to change a model's index: the fresh pointer row, and the token.

    Raises:
        IndexBusy: another process held it all the time.
    """
    state, _ = IndexState.objects.get_or_create(model_key=model_key)
    token = _acquire(state.pk, wait_seconds)
    rows = IndexState.objects.all()
    try:
        with claims.kept(rows, [(state.pk, token)], lease_seconds=LEASE_SECONDS):
            yield IndexState.objects.get(pk=state.pk), token
    finally:
        claims.release(rows, state.pk, token=token)


def _acquire(pk: int, wait_seconds: float) -> str:
    deadline = time.monotonic() + wait_seconds
    while (token := _try_acquire(pk)) is None:
        if time.monotonic() >= deadline:
            raise IndexBusy("Another process is updating the index.")
        time.sleep(0.05)
    return token


def _try_acquire(pk: int) -> str | None:
    state = IndexState.objects.get(pk=pk)
    if not claims.is_free(state.lease_token, state.lease_until):
        return None
    token, until = claims.new_token(), timezone.now() + timedelta(seconds=LEASE_SECONDS)
    unchanged = IndexState.objects.filter(pk=pk, lease_token=state.lease_token, lease_until=state.lease_until)
    return token if unchanged.update(lease_token=token, lease_until=until) else None


@transaction.atomic
def point_to(
    *,
    model_key: str,
    token: str,
    manifest: str,
    generation: int,
    vectors: int,
    seen_changes: Sequence[int] = (),
) -> None:
    """The commit point: readers use ``manifest`` from now on, and the changes it took in are forgotten.

    Changes are forgotten on behalf of the active model alone; if another model became active since they
    were read, nothing is written.

    Raises:
        LeaseLost, ModelChanged: see there.
    """
    active = ActiveModel.objects.select_for_update().first()
    if seen_changes and active is not None and active.model_key != model_key:
        raise ModelChanged(model_key)
    moved = IndexState.objects.filter(model_key=model_key, lease_token=token).update(
        manifest=manifest, generation=generation, vectors=vectors, synced_at=timezone.now()
    )
    if not moved:
        raise LeaseLost(model_key)
    for some in portions(seen_changes):
        IndexChange.objects.filter(pk__in=some).delete()


@transaction.atomic
def pin_active_model(*, model_key: str) -> str:
    """Record the model a new library starts with, and return the one in force (the row stays locked)."""
    ActiveModel.objects.get_or_create(pk=1, defaults={"model_key": model_key})
    return ActiveModel.objects.select_for_update().get(pk=1).model_key


@transaction.atomic
def switch_model(*, model_key: str, without: Container[int] = ()) -> bool:
    """Make another model the active one, if it has embedded everything but the contents in ``without``.

    Whatever is described meanwhile waits for this transaction, or makes it answer False.
    """
    ActiveModel.objects.get_or_create(pk=1, defaults={"model_key": model_key})
    row = ActiveModel.objects.select_for_update().get(pk=1)
    if any(pk not in without for pk in contents_without_vectors(model_key)):
        return False
    row.model_key = model_key
    row.save()
    return True
