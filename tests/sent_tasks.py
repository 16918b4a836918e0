"""Celery messages in tests: recorded instead of sent, and done in place when a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import TestCase


@dataclass(frozen=True, slots=True)
class Sent:
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class SentTasks(list[Sent]):
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        from tasks.celery import RowTask

        def record(task: Any, args: Any = None, kwargs: Any = None, **_: Any) -> None:
            self.append(Sent(task.name, tuple(args or ()), dict(kwargs or {})))

        monkeypatch.setattr(RowTask, "apply_async", record)

    def names(self) -> list[str]:
        return [sent.name for sent in self]

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Run the on-commit hooks of the block at its end, as a real commit would."""
        with TestCase.captureOnCommitCallbacks(execute=True):
            yield

    def run(self, *, limit: int = 1000) -> list[str]:
        """Do everything that was sent, and what that sends in turn. Returns the task names in order."""
        from tasks.celery import app

        done: list[str] = []
        while self:
            if len(done) == limit:
                raise AssertionError(f"Tasks keep sending tasks: {done[-5:]}")
            sent = self.pop(0)
            app.loader.import_default_modules()
            with self.committing():
                app.tasks[sent.name].run(*sent.args, **sent.kwargs)
            done.append(sent.name)
        return done
