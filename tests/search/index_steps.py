"""Small steps on an index under test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from search.index.segments import IndexStore
from tests.search.index_rows import DIMENSION, NOTHING, make_rows


def make_store(folder: Path) -> IndexStore:
    return IndexStore(folder / "index", model_key="m@1", dimension=DIMENSION)


def add(store: IndexStore, base: str, *ids: int) -> str:
    return store.commit(base, additions=[make_rows(ids)], removals=NOTHING).name


def remove(store: IndexStore, base: str, *ids: int) -> str:
    return store.commit(base, additions=[], removals=np.array(ids, np.int64)).name
