"""A describer and a searcher of their own, beside whatever the worker and the database hold."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings

from search.embedding.base import Embedder
from search.embedding.registry import load
from search.evaluation.clip_library import ClipLibrary
from search.index.segments import IndexStore
from search.matching.searcher import Searcher
from search.media.sandbox import Sandbox
from search.pipeline import Describer
from tasks import runtime
from webapp.selectors.index import MIN_VIDEO_DETAIL


@dataclass(frozen=True, slots=True)
class Engine:
    key: str
    embedder: Embedder
    describer: Describer


@contextmanager
def engine(key: str) -> Iterator[Engine]:
    config, embedder = runtime.config(key), load(key, device=settings.SIGHTLINE.device)
    with Sandbox(config, embedder.spec.input) as sandbox:
        yield Engine(key, embedder, Describer(config, embedder, sandbox))


@contextmanager
def searcher_of(library: ClipLibrary, engine: Engine) -> Iterator[Searcher]:
    """Searches a real index of the library, as the index of the web application would hold it."""
    with tempfile.TemporaryDirectory(prefix="sightline-evaluate-") as folder:
        store = IndexStore(Path(folder), model_key=engine.key, dimension=engine.embedder.spec.dimension)
        rows = library.index_rows(least_detail=MIN_VIDEO_DETAIL)
        manifest = store.commit("", additions=[rows], removals=np.empty(0, np.int64))
        yield Searcher(runtime.config(engine.key), engine.embedder, store.open(manifest.name), library)
