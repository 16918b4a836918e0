"""A writer that dies at any moment leaves an index that opens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from search.index.segments import IndexStore
from tests.search.index_rows import make_rows
from tests.search.index_steps import add, make_store

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> IndexStore:
    return make_store(tmp_path)


class Killed(BaseException):
    """Stands for the end of the process: no ordinary handler sees it."""


class TestDyingAnywhere:
    """A commit is cut off at each of its system calls in turn."""

    CALLS = ("replace", "fsync", "open")

    def _cut(self, monkeypatch: pytest.MonkeyPatch, at: int) -> list[str]:
        calls: list[str] = []
        for name in self.CALLS:
            real = getattr(os, name)

            def dying(*args: object, _real: object = real, _name: str = name, **kwargs: object) -> object:
                calls.append(_name)
                if len(calls) > at:
                    raise Killed
                return _real(*args, **kwargs)  # type: ignore[operator]

            monkeypatch.setattr(os, name, dying)
        monkeypatch.setattr("shutil.rmtree", lambda *args, **kwargs: None)
        return calls

    def test_the_old_generation_opens_and_a_later_commit_works(self, store: IndexStore) -> None:
        base = ""
        for start in range(0, 70, 10):  # the next one makes eight: it merges as well
            base = add(store, base, *range(start, start + 10))
        new, removals = make_rows(range(100, 110)), np.array([3, 4], np.int64)
        expected = sorted({*range(70), *range(100, 110)} - {3, 4})
        for at in range(1000):
            with pytest.MonkeyPatch.context() as monkeypatch:
                calls = self._cut(monkeypatch, at)
                try:
                    finished = store.commit(base, additions=[new], removals=removals)
                    break
                except Killed:
                    pass
            assert store.open(base).ids().tolist() == list(range(70))
            if at % 6 == 0:
                retried = store.commit(base, additions=[new], removals=removals)
                assert store.open(retried.name).ids().tolist() == expected
        assert len(calls) > 20
        assert store.open(finished.name).ids().tolist() == expected
        store.collect_garbage([base, finished.name], grace_seconds=-1)
        assert store.open(base).ids().tolist() == list(range(70))
        assert store.open(finished.name).ids().tolist() == expected

    def test_a_killed_process_leaves_a_valid_index(self, tmp_path: Path) -> None:
        pointer = tmp_path / "pointer"
        for delay in (0.0, 0.03, 0.08):
            process = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=PROJECT
            )
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
            process.wait()
            name = pointer.read_text() if pointer.exists() else ""
            store = make_store(tmp_path)
            reader = store.open(name)
            assert reader.ids().tolist() == list(range(len(reader)))
            store.collect_garbage([name], grace_seconds=-1)
        assert len(reader) > 0


WRITER = """
import sys
from pathlib import Path
from search.index.segments import IndexStore
from tests.search.index_rows import DIMENSION, NOTHING, make_rows

root = Path(sys.argv[1])
pointer = root / "pointer"
name = pointer.read_text() if pointer.exists() else ""
store = IndexStore(root / "index", model_key="m@1", dimension=DIMENSION)
count = len(store.open(name))
for turn in range(100_000):
    name = store.commit(name, additions=[make_rows(range(count, count + 5))], removals=NOTHING).name
    count += 5
    fresh = root / "pointer.new"
    fresh.write_text(name)
    fresh.replace(pointer)
    if turn == 2:
        print("going", flush=True)
"""
