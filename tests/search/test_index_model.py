"""Any sequence of additions and removals, compared with a plain dictionary."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search.index.reader import IndexReader
from search.index.segments import IndexStore
from tests.search.index_rows import DIMENSION, make_rows

ids = st.sets(st.integers(0, 40), max_size=12)
changes = st.lists(st.tuples(ids, ids), max_size=9)


@settings(max_examples=15, deadline=None)
@given(changes)
def test_the_index_holds_what_a_dictionary_would(steps: list[tuple[set[int], set[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = IndexStore(Path(folder), model_key="m@1", dimension=DIMENSION)
        held: dict[int, int] = {}
        name, reader = "", store.open("")
        for additions, removals in steps:
            for key in removals:
                held.pop(key, None)
            new = sorted(additions - held.keys())
            name = store.commit(
                name, additions=[make_rows(new)], removals=np.array(sorted(removals), np.int64)
            ).name
            held.update({key: key // 3 + 1000 for key in new})
            reader = store.open(name, previous=reader)
            assert reader.ids().tolist() == sorted(held)
            assert len(reader) == reader.manifest.vectors == len(held)
        store.collect_garbage([name], grace_seconds=-1)
        _answers_match(store.open(name) if name else reader, held)


def _answers_match(reader: IndexReader, held: dict[int, int]) -> None:
    everything = make_rows(range(41))
    found = reader.search(everything.vectors.astype(np.float32), 1)
    same = reader.search_hashes(everything.hashes, 0)
    assert {int(key) for key in same.ids} == set(held)
    for key in range(41):
        assert (found.ids[key, 0] == key) == (key in held)
    assert dict(zip(same.ids.tolist(), same.owners.tolist(), strict=True)) == held
