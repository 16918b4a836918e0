"""What a sub-command of ``manage.py evaluate`` is."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured: ``report`` for ``--json``, ``text`` for people."""

    report: dict[str, Any]
    text: str


class Subcommand(Protocol):
    """A module with this shape, named in :mod:`tasks.evaluation.registry`. Light to import.

    ``run`` gets the parsed options and a function that shows progress in words. It raises
    :class:`search.errors.SearchError` for what a person can mend. ``--json`` is added for all.
    """

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def run(self, options: Mapping[str, Any], say: Say) -> Outcome: ...
