"""Describing contents: decoding, embedding and saving what was found, once for each run of bytes."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import DatabaseError
from django.utils.translation import gettext as _

from search.errors import DecodeAborted, DecoderUnavailable, MediaError
from search.types import FrameDescription, MediaDescription
from tasks import renditions, runtime
from tasks.celery import app
from tasks.indexing import sync_index
from webapp.models import Content
from webapp.selectors.contents import claimable
from webapp.selectors.index import sync_is_due
from webapp.services import claims, contents, storage
from webapp.services.imports import settle_items

if TYPE_CHECKING:
    from search.pipeline import Describer

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1


class OriginalMissing(Exception):
    """The store has lost a file, or is not mounted. ``str(error)`` is a sentence for a person."""


@app.task
def describe_content(content_id: int) -> None:
    """Describe a content that waits, unless somebody else does."""
    try:
        described = describe(content_id)
    except (storage.StorageFull, DecoderUnavailable) as error:
        logger.warning("Content %d waits: %s", content_id, error)
    else:
        settle_items(content_id=content_id)
        if described and sync_is_due():
            sync_index.delay_on_commit()


def describe_now(content_id: int, *, wait_seconds: float = 600.0) -> Content:
    """The content once it is ready or failed: described here, or by the worker that has it already.

    Raises:
        TimeoutError: another worker took longer than ``wait_seconds``.
        StorageFull, DecoderUnavailable, ModelError: see :func:`describe`.
    """
    deadline = time.monotonic() + wait_seconds
    while not describe(content_id):
        content = Content.objects.get(pk=content_id)
        if content.status in {Content.Status.READY, Content.Status.FAILED}:
            return content
        if time.monotonic() > deadline:
            raise TimeoutError(_("Another worker has been reading this file for too long. Try again."))
        time.sleep(POLL_SECONDS)
    return Content.objects.get(pk=content_id)


def describe(content_id: int) -> bool:
    """Try to describe a content here. False: it needs nothing, is in other hands, or must be tried again.

    Raises:
        StorageFull, DecoderUnavailable: not the file's fault; it waits, however long that takes.
        ModelError: the model cannot be loaded.
    """
    if not claimable().filter(pk=content_id).exists():
        return False
    describer = (
        runtime.describer()
    )  # loaded before the claim: a start that fails costs the content no attempt
    token = contents.claim_content(content_id=content_id)
    if token is None:
        return False
    held = [(content_id, token)]
    with claims.kept(Content.objects.all(), held, lease_seconds=contents.LEASE_SECONDS):
        return settle(content_id, token, lambda: _describe(describer, content_id, token))


def settle(content_id: int, token: str, work: Callable[[], bool]) -> bool:
    """Do the work on a claimed content, and record what went wrong. True: it is ready or failed now."""
    try:
        return work()
    except (storage.StorageFull, DecoderUnavailable, DatabaseError) as error:
        # Not the file's fault, so it costs no attempt. If the database is away, the lease runs out by itself.
        contents.put_back(content_id=content_id, token=token, reason=str(error), count_attempt=False)
        raise
    except (DecodeAborted, OriginalMissing) as error:
        contents.put_back(content_id=content_id, token=token, reason=str(error))
    except MediaError as error:
        return contents.fail_content(content_id=content_id, token=token, reason=str(error))
    except Exception:
        logger.exception("Content %d could not be described.", content_id)
        reason = _("Something went wrong inside Sightline while reading this file; the log says more.")
        contents.put_back(content_id=content_id, token=token, reason=reason)
    return False


def _describe(describer: Describer, content_id: int, token: str) -> bool:
    sha256 = Content.objects.values_list("sha256", flat=True).get(pk=content_id)
    source = storage.original_path(sha256)
    if not source.is_file():
        raise OriginalMissing(_("The original file is missing from the store. Add it again."))
    frames = FrameKeeper(sha256)
    description = describer.describe(source, frames.keep)
    return save(content_id, token, sha256, description, frames)


def save(
    content_id: int, token: str, sha256: str, description: MediaDescription, frames: FrameKeeper
) -> bool:
    """Write the renditions, then everything else in one transaction."""
    renditions.write(sha256, description)
    return contents.save_description(
        content_id=content_id, token=token, description=description, frames=frames.frames
    )


class FrameKeeper:
    """Writes the picture of each frame as it comes and keeps the rest, so that memory stays small."""

    def __init__(self, sha256: str) -> None:
        self.sha256 = sha256
        self.frames: list[FrameDescription] = []

    def keep(self, frame: FrameDescription) -> None:
        storage.write_rendition(self.sha256, storage.frame_picture_name(frame.position), frame.picture)
        self.frames.append(dataclasses.replace(frame, picture=b""))
