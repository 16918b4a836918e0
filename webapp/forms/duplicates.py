"""Asking for a duplicate report, filtering its groups, and choosing what to keep of one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.models import Collection, DuplicateGroup


class ReportForm(forms.Form):
    collection = forms.ModelChoiceField(
        required=False,
        label=_("Look in"),
        queryset=Collection.objects.all(),
        empty_label=_("The whole library"),
        widget=forms.Select(attrs={"class": "select"}),
    )


class GroupFilterForm(forms.Form):
    relation = forms.ChoiceField(required=False, choices=DuplicateGroup.Relation.choices)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62)


class IdsField(forms.Field):
    """Keys of rows, each once, ascending."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[int]:
        try:
            ids = {int(one) for one in value or []}
        except ValueError:
            ids = {-1}
        if not all(0 <= one < 2**63 for one in ids):
            raise forms.ValidationError(_("This is not an entry of the group."))
        return sorted(ids)


class KeepForm(forms.Form):
    """``keep``: entries to keep. ``shown``: entries the person saw; nobody loses what he has not seen."""

    action = forms.ChoiceField(choices=[("best", _("Keep the best")), ("selected", _("Keep the selected"))])
    keep = IdsField(required=False)
    shown = IdsField(required=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("action") == "selected" and not data.get("keep"):
            raise forms.ValidationError(_("Choose at least one to keep. A group is never thrown away whole."))
        return data
