"""The sub-commands of ``manage.py evaluate``, by name."""

from __future__ import annotations

from tasks.evaluation import copies, segments
from tasks.evaluation.base import Subcommand

SUBCOMMANDS: dict[str, Subcommand] = {"copies": copies, "segments": segments}
