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


class _IdsField(forms.Field):
    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[int]:
        try:
            return sorted({int(one) for one in value or []})
        except ValueError:
            raise forms.ValidationError(_("This is not an entry of the group.")) from None


class KeepForm(forms.Form):
    """``keep``: entries to keep. ``shown``: entries the person saw; nobody loses what he has not seen."""

    action = forms.ChoiceField(choices=[("best", _("Keep the best")), ("selected", _("Keep the selected"))])
    keep = _IdsField(required=False)
    shown = _IdsField(required=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("action") == "selected" and not data.get("keep"):
            raise forms.ValidationError(_("Choose at least one to keep. A group is never thrown away whole."))
        return data
