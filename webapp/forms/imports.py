"""Starting an import: from a folder on the server, or with files sent from the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

Upload: TypeAlias = "UploadedFile[Any]"
MOST_FILES = 100  # Django refuses a request with more


class _ImportForm(forms.Form):
    collection_name = forms.CharField(
        required=False,
        max_length=200,
        label=_("Collection"),
        help_text=_("Optional. A new name makes a new collection."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "collection-names"}),
    )
    labels_from_folders = forms.BooleanField(
        required=False,
        label=_("Use the name of each file's folder as its label"),
    )

    def clean_collection_name(self) -> str:
        return str(self.cleaned_data["collection_name"]).strip()


class FolderImportForm(_ImportForm):
    location = forms.CharField(
        max_length=1024,
        label=_("Folder on the server"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "import-places", "spellcheck": "false"}),
    )
    field_order = ["location", "collection_name", "labels_from_folders"]


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files; the value is a list."""

    def clean(self, data: Any, initial: Any = None) -> list[Upload]:
        files: Sequence[Any] = data if isinstance(data, (list, tuple)) else [data]
        return [super(_FilesField, self).clean(file, initial) for file in files or [None]]


class UploadImportForm(_ImportForm):
    uploads = _FilesField(
        label=_("Pictures and clips, or one zip archive"),
        widget=_FilesInput(attrs={"accept": "image/*,video/*,.zip,.mkv,.ts,.heic,.avif,.ogv"}),
    )
    field_order = ["uploads", "collection_name", "labels_from_folders"]

    def clean_uploads(self) -> list[Upload]:
        files: list[Upload] = self.cleaned_data["uploads"]
        archives = [file for file in files if is_archive(file)]
        if archives and len(files) > 1:
            raise forms.ValidationError(_("Choose one zip archive, or pictures and clips, but not both."))
        if sum(file.size or 0 for file in files) > settings.SIGHTLINE.max_upload_bytes:
            most = filesizeformat(settings.SIGHTLINE.max_upload_bytes)
            words = _(
                "These files are larger than %(most)s together. Send fewer, or import a folder on the server."
            )
            raise forms.ValidationError(words % {"most": most})
        return files


def is_archive(file: Upload) -> bool:
    return (file.name or "").lower().endswith(".zip")
