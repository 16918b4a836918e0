"""Promises about the whole: a light web process, refused nonsense in settings, complete documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "torchvision", "faiss", "av", "cv2", "PIL", "safetensors", "pillow_heif"}


def _python(code: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGHTLINE_")}
    environment |= {
        "SIGHTLINE_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_web_process_loads_no_heavy_module(tmp_path: Path) -> None:
    code = (
        "import django, sys; django.setup(); import webapp.wsgi, webapp.urls; print(*sys.modules, sep='\\n')"
    )
    done = _python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "webapp.views.search" in loaded
    assert not loaded & HEAVY


def test_task_modules_are_light_until_they_work(tmp_path: Path) -> None:
    code = (
        "import django, sys; django.setup(); from tasks.celery import app;"
        "app.loader.import_default_modules();"
        "print(*sys.modules, sep='\\n')"
    )
    done = _python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "tasks.queries" in loaded
    assert not loaded & {"torch", "torchvision", "faiss", "av", "cv2"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGHTLINE_PORT", "many"),
        ("SIGHTLINE_PORT", "70000"),
        ("SIGHTLINE_DEBUG", "perhaps"),
        ("SIGHTLINE_DEVICE", "abacus"),
        ("SIGHTLINE_MAX_UPLOAD_MB", "-1"),
        ("SIGHTLINE_MAX_DURATION_HOURS", "0"),
        ("SIGHTLINE_POLLING_INTERVAL", "soon"),
        ("SIGHTLINE_FETCH_SECONDS", "0"),
        ("SIGHTLINE_LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "oracle://there"),
        ("REDIS_URL", "http://there"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_its_variable(tmp_path: Path, name: str, value: str) -> None:
    done = _python("import django; django.setup()", tmp_path, **{name: value})
    assert done.returncode != 0
    assert name in done.stderr.strip().splitlines()[-1]


def _variables() -> set[str]:
    source = (ROOT / "webapp" / "environment.py").read_text()
    return set(re.findall(r'"((?:SIGHTLINE_|DATABASE_|REDIS_)[A-Z_]+)"', source))


def _own_commands() -> set[str]:
    return {name for name, package in get_commands().items() if package == "webapp"}


def test_every_variable_is_documented_and_none_is_invented() -> None:
    documented = set(
        re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE)
    )
    assert documented == _variables()
    assert len(documented) > 20


def test_every_command_is_documented_and_none_is_invented() -> None:
    documented = set(
        re.findall(r"^## `manage\.py (\w+)", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE)
    )
    assert documented == _own_commands()


def test_links_between_documents_lead_somewhere() -> None:
    documents = [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").glob("*.md"),
    ]
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    ]
    assert links
    broken = [
        (str(document), target) for document, target in links if not (document.parent / target).exists()
    ]
    assert broken == []
