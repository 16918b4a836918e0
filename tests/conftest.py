"""What every test gets: a clean data directory, no network, and no ERROR log that nobody asked for."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests import network_guard
from tests.library import LibraryMaker
from tests.sent_tasks import SentTasks
from tests.stack import Stack

KEPT = {"secret_key", "broker", "incoming"}


NEEDED_PROGRAMS = {"browser": "chromium", "redis": "redis-server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_configure(config: pytest.Config) -> None:
    network_guard.install()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = _left_out(config)
    gone = [item for item in items if any(item.get_closest_marker(marker) for marker in reasons)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


def _left_out(config: pytest.Config) -> dict[str, str]:
    """Marker to the reason why its tests are not run."""
    reasons = {
        marker: f"{marker} tests need {program}"
        for marker, program in NEEDED_PROGRAMS.items()
        if shutil.which(program) is None
    }
    if not config.option.slow and "slow" not in config.option.markexpr:
        reasons["slow"] = "slow tests need --slow"
    return reasons


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reasons = _left_out(config)
    if reasons:
        terminalreporter.write_line(f"Left out: {', '.join(reasons.values())}.")


def pytest_unconfigure(config: pytest.Config) -> None:
    if settings.configured:
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


def _empty(folder: Path, *, keep: set[str]) -> None:
    for entry in folder.iterdir():
        if entry.name in keep:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@pytest.fixture(autouse=True)
def clean_data_dir() -> Iterator[Path]:
    """The data directory; what a test leaves in it is gone before the next one."""
    yield settings.DATA_DIR
    _empty(settings.DATA_DIR, keep=KEPT)
    _empty(settings.DATA_DIR / "incoming", keep=set())


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """Keys come again in the next test, which rolls back; in a library they never do."""
    yield
    if (library := sys.modules.get("tasks.library")) is not None:
        library.frames_cache.clear()
        library.features_cache.clear()


class _ErrorRecords(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def _error_records(request: pytest.FixtureRequest) -> Iterator[list[logging.LogRecord]]:
    handler = _ErrorRecords()
    logging.getLogger().addHandler(handler)
    yield handler.records
    logging.getLogger().removeHandler(handler)
    if handler.records and "expected_errors" not in request.fixturenames:
        first = handler.records[0]
        pytest.fail(f"An ERROR was logged by {first.name}: {first.getMessage()}", pytrace=False)


@pytest.fixture
def expected_errors(_error_records: list[logging.LogRecord]) -> list[logging.LogRecord]:
    """Ask for this where an ERROR log is part of the behaviour; holds the records so far."""
    return _error_records


@pytest.fixture(autouse=True)
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> SentTasks:
    """Messages that would have gone to the broker, in order. ``sent_tasks.run()`` does them here and now."""
    return SentTasks(monkeypatch)


@pytest.fixture
def library(db: None) -> LibraryMaker:
    """Makes library entries with real files and rows, without decoding or a network."""
    return LibraryMaker()


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database file with every table, to be copied."""
    stack = Stack(tmp_path_factory.mktemp("migrated"))
    stack.migrate()
    return stack.database


@pytest.fixture
def real_worker(tmp_path: Path, migrated_database: Path) -> Iterator[Stack]:
    """A data directory, database and broker of their own, with real worker processes on demand."""
    stack = Stack(tmp_path / "data")
    shutil.copyfile(migrated_database, stack.database)
    yield stack
    stack.stop()
