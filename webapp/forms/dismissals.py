"""Saying that members of a group are no duplicates, and taking it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.forms.duplicates import IdsField


class DismissForm(forms.Form):
    """``keep``: the ticked entries. ``shown``: entries the person saw; he says nothing about others."""

    apart = forms.ChoiceField(choices=[("all", "all"), ("ticked", "ticked")])
    keep = IdsField(required=False)
    shown = IdsField()
    note = forms.CharField(required=False, max_length=200)


class RestoreForm(forms.Form):
    pair = IdsField(required=False)
    decision = forms.UUIDField(required=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("pair") and not data.get("decision"):
            raise forms.ValidationError(_("Choose at least one pair to restore."))
        return data
