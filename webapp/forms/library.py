"""Choosing what the library shows, and editing the labels of an entry."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.models import Collection
from webapp.models.media import KIND_CHOICES
from webapp.selectors.library import MediaFilter

STATUS_CHOICES = [
    ("", _("Any state")),
    ("ready", _("Ready")),
    ("working", _("Still being read")),
    ("failed", _("Could not be read")),
]
LABEL_LENGTH = 200
LABELS_MOST = 50


class LibraryFilterForm(forms.Form):
    text = forms.CharField(required=False, max_length=200, label=_("Name or folder"))
    kind = forms.ChoiceField(required=False, label=_("Kind"), choices=[("", _("All kinds")), *KIND_CHOICES])
    collection = forms.ModelChoiceField(
        required=False,
        label=_("Collection"),
        queryset=Collection.objects.all(),
        empty_label=_("All collections"),
    )
    label = forms.CharField(required=False, max_length=LABEL_LENGTH, label=_("Label"))
    status = forms.ChoiceField(required=False, label=_("State"), choices=STATUS_CHOICES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for name in ("text", "label"):
            self.fields[name].widget.attrs |= {"class": "input", "autocomplete": "off"}
        for name in ("kind", "collection", "status"):
            self.fields[name].widget.attrs |= {"class": "select"}
        self.fields["text"].widget.input_type = "search"
        self.fields["label"].widget.attrs["list"] = "label-names"

    def chosen(self) -> MediaFilter:
        """The valid part of what was asked for; a field with an error does not filter."""
        self.is_valid()
        return MediaFilter(**{name: value for name, value in self.cleaned_data.items() if value})


class LabelsForm(forms.Form):
    labels = forms.CharField(
        required=False,
        label=_("Labels"),
        help_text=_("Separate them with commas."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "list": "label-names"}),
    )

    def clean_labels(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["labels"].split(",")]
        names = list(dict.fromkeys(name for name in names if name))
        if len(names) > LABELS_MOST:
            raise forms.ValidationError(_("These are more than %(most)s labels.") % {"most": LABELS_MOST})
        if any(len(name) > LABEL_LENGTH for name in names):
            raise forms.ValidationError(_("A label may have %(most)s characters.") % {"most": LABEL_LENGTH})
        return names
