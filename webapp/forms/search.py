"""What a person may hand in to search by, and which part of a picture."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files import File
from django.core.validators import MinValueValidator
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from search.types import MediaKind, Region
from webapp.models import Collection

ACCEPTED = "image/*,video/*,.heic,.heif,.avif,.mkv,.avi,.ts,.m2ts,.ogv,.mov,.tif,.tiff"


class SearchForm(forms.Form):
    """A file, a photo just taken, or a web address: exactly one of them."""

    file = forms.FileField(label=_("Picture or clip"), required=False, allow_empty_file=True)
    camera = forms.FileField(label=_("Photo"), required=False, allow_empty_file=True)
    url = forms.URLField(
        label=_("Web address"),
        required=False,
        max_length=2000,
        assume_scheme="https",
        error_messages={
            "invalid": _("This is not a web address. It should look like https://example.org/picture.jpg.")
        },
    )

    @property
    def upload(self) -> File[bytes] | None:
        found: File[bytes] | None = self.cleaned_data.get("file") or self.cleaned_data.get("camera")
        return found

    @property
    def address(self) -> str:
        return str(self.cleaned_data.get("url") or "")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        if upload := values.get("file") or values.get("camera"):
            self._check_size(upload)
        elif not values.get("url"):
            self.add_error("file", _("Choose a picture or clip, paste one, or enter a web address."))
        return values

    def _check_size(self, upload: File[bytes]) -> None:
        limit = settings.SIGHTLINE.max_upload_bytes
        if not upload.size:
            self.add_error("file", _("This file is empty. Choose another one."))
        elif upload.size > limit:
            words = _("This file has %(size)s; the most allowed is %(limit)s.")
            sizes = {"size": filesizeformat(upload.size), "limit": filesizeformat(limit)}
            self.add_error("file", words % sizes)


class RegionForm(forms.Form):
    """A rectangle on the query picture, in percent, so that people can type it."""

    x = forms.FloatField(label=_("Left"), min_value=0, max_value=99)
    y = forms.FloatField(label=_("Top"), min_value=0, max_value=99)
    width = forms.FloatField(label=_("Width"), max_value=100, validators=[MinValueValidator(1)])
    height = forms.FloatField(label=_("Height"), max_value=100, validators=[MinValueValidator(1)])

    def region(self) -> Region:
        """The rectangle, cut at the picture's edge."""
        x, y = self.cleaned_data["x"] / 100, self.cleaned_data["y"] / 100
        width = min(self.cleaned_data["width"] / 100, 1 - x)
        height = min(self.cleaned_data["height"] / 100, 1 - y)
        return Region(x, y, width, height)


class SimilarFilterForm(forms.Form):
    """Which of the similar results to show. Wrong values filter nothing."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=[
            ("", _("Pictures and clips")),
            (MediaKind.IMAGE.value, _("Pictures")),
            (MediaKind.VIDEO.value, _("Clips")),
        ],
    )
    collection = forms.ModelChoiceField(
        Collection.objects.all(), label=_("Collection"), required=False, empty_label=_("All collections")
    )

    def chosen(self) -> dict[str, Any]:
        self.is_valid()
        return {
            "kind": self.cleaned_data.get("kind") or None,
            "collection": self.cleaned_data.get("collection"),
        }
