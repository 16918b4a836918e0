"""One of several processes that fill a library with the same files: ``python -m tests.writer_process N``.

Everything is real but the description, which is invented, so that they meet in the database all the time.
"""

from __future__ import annotations

import sys

import django
import numpy as np

django.setup()

from search.types import FrameDescription, MediaDescription, MediaInfo, MediaKind  # noqa: E402
from tasks import indexing  # noqa: E402
from webapp.services import contents, library, storage  # noqa: E402
from webapp.services.index import IndexBusy  # noqa: E402

DIMENSION = 256


def main(count: int) -> None:
    for number in range(count):
        stored = storage.store([f"file {number}".encode()], max_bytes=100)
        taken = library.take_in(stored=stored, path=f"{number}.jpg")
        token = contents.claim_content(content_id=taken.content.pk)
        if token is not None:
            contents.save_description(
                content_id=taken.content.pk, token=token, description=description(), frames=[frame(number)]
            )
        if number % 5 == 0:
            sync()
    sync()


def sync() -> None:
    try:
        indexing.sync_surely(wait_seconds=30)
    except IndexBusy:
        return  # said to nobody: whoever writes it goes on


def description() -> MediaDescription:
    info = MediaInfo(
        kind=MediaKind.IMAGE, mime="image/jpeg", format="JPEG", codec="jpeg", width=40, height=30,
        duration=None, frame_rate=None, has_audio=False, taken_at=None,
    )  # fmt: skip
    return MediaDescription(
        info=info, frame_count=1, thumbnail=b"", view=None, features=None, model_key="sightline@0"
    )


def frame(number: int) -> FrameDescription:
    vector = np.random.default_rng(number).normal(size=DIMENSION)
    return FrameDescription(
        position=0, time=0.0, start=0.0, end=0.0, phash=number, detail=0.5, picture=b"",
        vector=(vector / np.linalg.norm(vector)).astype(np.float16),
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
