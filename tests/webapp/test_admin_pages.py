"""Django's administration: everything can be looked at, invariants cannot be broken."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.library import LibraryMaker
from webapp.models import AuditEntry, Collection, Content, IndexChange

pytestmark = pytest.mark.django_db
MODELS = sorted(apps.get_app_config("webapp").get_models(), key=lambda model: model.__name__)
EDITABLE = {"Media", "Collection", "Label"}


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ada", password="pass"))
    return client


def test_every_model_is_registered() -> None:
    assert [model.__name__ for model in MODELS if not admin.site.is_registered(model)] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_open_and_only_texts_can_be_edited(root: Client, library: LibraryMaker, model: type) -> None:
    library.clip(1, collection="Films", labels=["sea"])
    name = model.__name__.lower()
    assert root.get(reverse(f"admin:webapp_{name}_changelist")).status_code == 200
    adding = root.get(reverse(f"admin:webapp_{name}_add")).status_code
    assert adding == (200 if model in {Collection, apps.get_model("webapp", "Label")} else 403)
    row = model.objects.first()  # type: ignore[attr-defined]
    if row is not None:
        page = root.get(reverse(f"admin:webapp_{name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert ('name="_save"' in page.content.decode()) == (model.__name__ in EDITABLE)


def test_trash_and_restore_in_bulk_go_through_the_service(root: Client, library: LibraryMaker) -> None:
    media = library.picture(1)
    address = reverse("admin:webapp_media_changelist")
    root.post(address, {"action": "move_to_trash", "_selected_action": [media.pk]})
    media.refresh_from_db()
    assert media.trashed_at is not None
    assert AuditEntry.objects.filter(action="trash").count() == 1
    assert IndexChange.objects.filter(content_id=media.content_id).exists()
    root.post(address, {"action": "bring_back", "_selected_action": [media.pk]})
    media.refresh_from_db()
    assert media.trashed_at is None


def test_contents_cannot_be_deleted_by_hand(root: Client, library: LibraryMaker) -> None:
    content = library.picture(1).content
    assert (
        root.post(reverse("admin:webapp_content_delete", args=[content.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert Content.objects.filter(pk=content.pk).exists()
