"""What one worker process keeps loaded: the model, the decoding helper and the index.

Everything is made at first use and belongs to the process that made it. After a fork nothing of the parent
is used or closed: a network or an index that was touched before a fork may hang in the child.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext

from search.config import DecodeLimits, SearchConfig
from search.errors import IndexCorrupt
from webapp.selectors.index import active_model_key, index_state

if TYPE_CHECKING:
    from search.embedding.base import Embedder
    from search.index.reader import IndexReader
    from search.index.segments import IndexStore
    from search.media.sandbox import Sandbox
    from search.pipeline import Describer

logger = logging.getLogger(__name__)

OPEN_ATTEMPTS = 5


class IndexUnavailable(Exception):
    """There is no usable index yet. ``str(error)`` is a sentence for a person."""


@dataclasses.dataclass(slots=True)
class _Loaded:
    pid: int
    embedder: Embedder | None = None
    sandbox: Sandbox | None = None
    sandbox_model: str = ""
    describer: Describer | None = None
    readers: dict[str, IndexReader] = dataclasses.field(default_factory=dict)


_loaded = _Loaded(os.getpid())
_lock = threading.RLock()


def config(key: str | None = None) -> SearchConfig:
    """The engine's configuration according to the settings, with the model in force or another."""
    given = settings.SIGHTLINE
    limits = DecodeLimits(
        max_bytes=given.max_upload_bytes,
        max_pixels=given.max_pixels,
        max_duration=given.max_duration,
        memory_bytes=given.decode_memory_bytes,
        cpu_seconds=given.decode_cpu_seconds,
        wall_seconds=given.decode_wall_seconds,
    )
    return SearchConfig(model=key or model_key(), device=given.device, limits=limits)


def model_key() -> str:
    """The model in force; it may change while the process lives."""
    return active_model_key()


def embedder() -> Embedder:
    """The loaded model in force. Raises :class:`search.errors.ModelError`."""
    with _lock:
        state, key = _state(), model_key()
        if state.embedder is None or state.embedder.spec.key != key:
            from search.embedding.registry import load

            state.describer = None
            state.embedder = load(key, device=settings.SIGHTLINE.device)
        return state.embedder


def sandbox() -> Sandbox:
    """The decoding helper, which makes frames in the shape that the model in force wants."""
    with _lock:
        state, key = _state(), model_key()
        if state.sandbox is None or state.sandbox_model != key:
            from search.embedding.registry import get_spec
            from search.media.sandbox import Sandbox

            if state.sandbox is not None:
                state.sandbox.close()
            state.describer = None
            state.sandbox, state.sandbox_model = Sandbox(config(), get_spec(key).input), key
        return state.sandbox


def describer() -> Describer:
    """Files in, descriptions by the model in force out."""
    with _lock:
        model, decoder, state = embedder(), sandbox(), _state()
        if state.describer is None:
            from search.pipeline import Describer

            state.describer = Describer(config(), model, decoder)
        return state.describer


@contextlib.contextmanager
def describer_of(key: str) -> Iterator[Describer]:
    """A describer of another model, beside what this process has loaded."""
    from search.embedding.registry import get_spec, load
    from search.media.sandbox import Sandbox
    from search.pipeline import Describer

    with Sandbox(config(key), get_spec(key).input) as decoder:
        yield Describer(config(key), load(key, device=settings.SIGHTLINE.device), decoder)


def index_store(key: str) -> IndexStore:
    """The folder of one model's index. Makes nothing and loads nothing."""
    from search.index.segments import IndexStore

    return IndexStore(index_folder(key), model_key=key, dimension=dimension(key))


def dimension(key: str) -> int:
    """Length of a model's vectors. Loads no network. Raises :class:`search.errors.ModelError`."""
    from search.embedding.registry import get_spec

    return get_spec(key).dimension


def index_folder(key: str) -> Path:
    safe = "".join(letter if letter.isalnum() or letter in "@.-" else "_" for letter in key)
    return Path(settings.DATA_DIR) / "index" / safe


def reader() -> IndexReader:
    """The current generation. One row is compared; if it moved, only new segments are loaded.

    Raises:
        IndexUnavailable: the index is damaged, and nothing older is loaded.
    """
    problem: Exception | None = None
    for _ in range(OPEN_ATTEMPTS):
        key = model_key()
        row = index_state(key)
        try:
            return open_generation(key, row.manifest if row else "")
        except IndexCorrupt as error:  # or replaced and cleared away since the row was read: look again
            problem = error
    return _older(key, problem)


def open_generation(key: str, manifest: str) -> IndexReader:
    """A generation of one model's index; "" is the one before the first. It stays loaded until the next.

    Raises:
        IndexCorrupt: a file is missing or damaged.
    """
    with _lock:
        readers = _state().readers
        loaded = readers.get(key)
        if loaded is None or loaded.manifest.name != manifest:
            loaded = readers[key] = index_store(key).open(manifest, previous=loaded)
        return loaded


def forget_generation(key: str) -> None:
    """Let the next one be read from its files, whatever is loaded."""
    with _lock:
        _state().readers.pop(key, None)


def close() -> None:
    """Stop the decoding helper and forget everything that is loaded."""
    global _loaded
    with _lock:
        if _loaded.pid == os.getpid() and _loaded.sandbox is not None:
            _loaded.sandbox.close()
        _loaded = _Loaded(os.getpid())


def _state() -> _Loaded:
    global _loaded
    if _loaded.pid != os.getpid():
        _loaded = _Loaded(os.getpid())
    return _loaded


def _older(key: str, problem: Exception | None) -> IndexReader:
    from tasks.indexing import sync_index

    logger.warning("The index cannot be opened; asking for a rebuild. %s", problem)
    sync_index.delay_on_commit(repair=True)
    loaded = _state().readers.get(key)
    if loaded is None:
        raise IndexUnavailable(
            gettext("The index is damaged and is being rebuilt. Try again in a moment.")
        ) from problem
    return loaded


# The child of a fork inherits a lock that a thread of the parent may hold.
def _fresh_lock() -> None:
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_fresh_lock)
atexit.register(close)
