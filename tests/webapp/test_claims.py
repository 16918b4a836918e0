"""Claims: one winner, leases that are renewed, taken over and lost, and a limit to the attempts."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from webapp.models import Content
from webapp.services import claims, processes
from webapp.services.contents import claim_content

ROWS = Content.objects.all()


def waiting_content(**fields: object) -> Content:
    return Content.objects.create(sha256="a" * 64, byte_size=1, **fields)


def content() -> Content:
    return Content.objects.get()


def token_of_a_dead_process() -> str:
    code = "from webapp.services.claims import new_token; print(new_token())"
    setup = f"import django; django.setup(); {code}"
    done = subprocess.run([sys.executable, "-c", setup], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.django_db
def test_a_row_is_claimed_once() -> None:
    pk = waiting_content().pk

    token = claim_content(content_id=pk)

    assert token is not None
    assert len(token) == 32
    assert content().status == Content.Status.PROCESSING
    assert content().attempts == 1
    assert claim_content(content_id=pk) is None


@pytest.mark.django_db
def test_of_two_that_saw_the_same_free_row_only_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    pk = waiting_content().pk
    is_free = claims.is_free
    winners: list[str | None] = []

    def another_is_faster(token: str, until: object) -> bool:
        monkeypatch.setattr(claims, "is_free", is_free)
        winners.append(claim_content(content_id=pk))
        return True

    monkeypatch.setattr(claims, "is_free", another_is_faster)

    assert claim_content(content_id=pk) is None
    assert winners[0] is not None
    assert claims.holds(ROWS, pk, token=winners[0])


@pytest.mark.django_db
def test_a_lapsed_lease_is_taken_over_and_the_old_holder_can_do_nothing() -> None:
    pk = waiting_content().pk
    old = claim_content(content_id=pk)
    assert old is not None
    ROWS.filter(pk=pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    new = claim_content(content_id=pk)

    assert new is not None
    assert not claims.holds(ROWS, pk, token=old)
    assert not claims.renew(ROWS, pk, token=old, lease_seconds=60)
    assert not claims.release(ROWS, pk, token=old, status="ready")
    assert claims.release(ROWS, pk, token=new, status="ready")
    assert (content().status, content().lease_token, content().lease_until) == ("ready", "", None)


@pytest.mark.django_db
def test_a_claim_of_a_process_that_died_is_free_at_once() -> None:
    until = timezone.now() + timedelta(hours=1)
    pk = waiting_content(status="processing", lease_token=token_of_a_dead_process(), lease_until=until).pk

    assert claim_content(content_id=pk) is not None


@pytest.mark.django_db
def test_a_claim_from_another_machine_is_kept_until_its_lease_ends() -> None:
    elsewhere = "f" * 8 + "0000002a" + "00000001" + "12345678"
    until = timezone.now() + timedelta(hours=1)
    pk = waiting_content(status="processing", lease_token=elsewhere, lease_until=until).pk

    assert claim_content(content_id=pk) is None


@pytest.mark.django_db
def test_after_three_attempts_a_row_is_failed_with_the_last_reason() -> None:
    pk = waiting_content().pk
    for _ in range(claims.MAX_ATTEMPTS):
        assert claim_content(content_id=pk) is not None
        ROWS.filter(pk=pk).update(lease_until=timezone.now() - timedelta(seconds=1), error="Out of memory.")

    assert claim_content(content_id=pk) is None
    assert (content().status, content().error) == ("failed", "Out of memory.")


@pytest.mark.django_db
def test_a_row_that_was_interrupted_each_time_says_so() -> None:
    pk = waiting_content(attempts=claims.MAX_ATTEMPTS).pk

    assert claim_content(content_id=pk) is None
    assert "interrupted" in content().error


@pytest.mark.django_db(transaction=True)
def test_a_long_piece_of_work_keeps_its_lease() -> None:
    pk = waiting_content().pk
    token = claims.claim(ROWS, pk, lease_seconds=0.3)
    assert token is not None
    renewed = threading.Event()
    first = content().lease_until

    with claims.kept(ROWS, [(pk, token)], lease_seconds=0.3):
        for _ in range(100):
            if content().lease_until != first:
                renewed.set()
                break
            renewed.wait(0.02)

    assert renewed.is_set()
    assert claims.holds(ROWS, pk, token=token)


def test_this_process_is_known_to_live() -> None:
    name = processes.this_process()

    assert len(name) == 24
    assert not processes.is_gone(name)
    assert processes.is_gone(name[:16] + f"{int(name[16:], 16) + 1:08x}")  # the number was given out again
    assert not processes.is_gone("")
    assert not processes.is_gone(name[:8] + "no number here..")


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_does_not_cost_the_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pk = waiting_content().pk
    token = claims.claim(ROWS, pk, lease_seconds=60)
    assert token is not None
    renew, renewed, failures = claims.renew, threading.Event(), iter([DatabaseError("database is locked")])

    def fails_once(*arguments: Any, **more: Any) -> bool:
        if (failure := next(failures, None)) is not None:
            raise failure
        renewed.set()
        return renew(*arguments, **more)

    monkeypatch.setattr(claims, "renew", fails_once)
    with claims.kept(ROWS, [(pk, token)], lease_seconds=0.06):
        assert renewed.wait(5)
    assert claims.holds(ROWS, pk, token=token)
