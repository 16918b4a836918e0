"""Renditions: writing them, and making lost ones again from the originals, without touching a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from search.errors import MediaError
from search.types import DecodedFrame, MediaDescription
from tasks import runtime
from tasks.frame_times import nearest
from webapp.models import Content, Frame
from webapp.selectors.contents import described
from webapp.services import storage

if TYPE_CHECKING:
    from search.media.base import DecodedMedia


class Restoring:
    """One run over the library. ``looked_at`` is called with 1 for each content."""

    def __init__(self, looked_at: Callable[[int], object]) -> None:
        self.looked_at = looked_at
        self.made = 0
        self.failed: dict[str, str] = {}

    def run(self) -> None:
        """Make what is missing. A run that was stopped goes on where it was.

        Raises:
            StorageFull, DecoderUnavailable: nothing more can be made now.
        """
        after = 0
        while some := described(after=after):
            for content in some:
                self._look_at(content)
                self.looked_at(1)
            after = some[-1].pk

    def _look_at(self, content: Content) -> None:
        if all(storage.rendition_path(content.sha256, name).is_file() for name in _names(content)):
            return
        try:
            restore(content)
            self.made += 1
        except MediaError as error:
            self.failed[content.sha256] = str(error)


def restore(content: Content) -> None:
    """Write all renditions of a described content anew.

    Raises:
        MediaError: the original is lost or unreadable, or holds other frames than before.
        StorageFull, DecoderUnavailable: not the file's fault.
    """
    original = storage.original_path(content.sha256)
    if not original.is_file():
        raise MediaError(_("The original file is missing from the store. Add it again."))
    rows = dict(Frame.objects.filter(content=content).order_by("time").values_list("time", "position"))
    times, lacking = list(rows), set(rows.values())

    def keep(frame: DecodedFrame) -> None:
        place = nearest(times, frame.time)
        if place is not None:
            position = rows[times[place]]
            storage.write_rendition(content.sha256, storage.frame_picture_name(position), frame.picture)
            lacking.discard(position)

    write(content.sha256, runtime.sandbox().decode(original, keep))
    if lacking:
        raise MediaError(_("Other frames than before were found in the file."))


def write(sha256: str, media: DecodedMedia | MediaDescription) -> None:
    """Write everything but the frames' pictures."""
    from search.verification.local_features import to_bytes

    storage.write_rendition(sha256, storage.THUMBNAIL, media.thumbnail)
    if media.view is not None:
        storage.write_rendition(sha256, storage.VIEW, media.view)
    if media.features is not None:
        storage.write_rendition(sha256, storage.FEATURES, to_bytes(media.features))


def _names(content: Content) -> Iterator[str]:
    yield storage.THUMBNAIL
    if content.has_view:
        yield storage.VIEW
    if not content.is_video:
        yield storage.FEATURES
    for position in range(content.frame_count):
        yield storage.frame_picture_name(position)
