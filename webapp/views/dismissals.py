"""What is no duplicate: saying so of a group, and the list of all such decisions with a way back."""

from __future__ import annotations

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from webapp.forms.dismissals import DismissForm, RestoreForm
from webapp.forms.duplicates import GroupFilterForm
from webapp.models import DuplicateGroup
from webapp.selectors import dismissals as selector
from webapp.selectors import duplicate_groups
from webapp.services.dismissals import Dismissed, DismissRefused, dismiss_group, restore
from webapp.views.access import editor_required
from webapp.views.undo import next_address, offer_restore


@require_POST
@editor_required
def duplicate_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    group = get_object_or_404(DuplicateGroup.objects.select_related("report"), pk=pk)
    form = DismissForm(request.POST)
    try:
        done = _dismiss(request, group, form)
    except DismissRefused as error:
        messages.error(request, str(error))
        return redirect("duplicate-group", pk=pk)
    _tell(request, group, done)
    return redirect(_following(group))


def _dismiss(request: HttpRequest, group: DuplicateGroup, form: DismissForm) -> Dismissed:
    if not form.is_valid():
        raise DismissRefused(_first_error(form))
    chosen = form.cleaned_data
    apart = chosen["keep"] if chosen["apart"] == "ticked" else None
    return dismiss_group(
        group=group, actor=request.user, apart=apart, among=chosen["shown"], note=chosen["note"]
    )


def _first_error(form: Form) -> str:
    return str(next(iter(form.errors.values()))[0])


def _tell(request: HttpRequest, group: DuplicateGroup, done: Dismissed) -> None:
    back = reverse("duplicate-group", args=[group.pk])
    if done.pairs:
        words = ngettext(
            "%(count)s pair is remembered as no duplicates.",
            "%(count)s pairs are remembered as no duplicates.",
            done.pairs,
        )
        context = {"words": words % {"count": done.pairs}, "decision": done.decision, "back": back}
        messages.success(request, render_to_string("duplicates/_dismissed_undo.html", context, request))
    else:
        messages.info(request, _("Somebody had said so already. Nothing was changed."))
    if done.trashed:
        words = ngettext(
            "Somebody has moved %(count)s of these files to the trash meanwhile.",
            "Somebody has moved %(count)s of these files to the trash meanwhile.",
            len(done.trashed),
        )
        offer_restore(request, words=words % {"count": len(done.trashed)}, media_ids=done.trashed, back=back)


def _following(group: DuplicateGroup) -> str:
    """What is left of the group, else the next one, else the report."""
    left = duplicate_groups.open_parts(group)
    following = left[0] if left else duplicate_groups.next_group(group)
    if following:
        return reverse("duplicate-group", args=[following.pk])
    return reverse("duplicate-report", args=[group.report_id])


@require_GET
@editor_required
def duplicates_dismissed(request: HttpRequest) -> HttpResponse:
    form = GroupFilterForm(request.GET)
    form.is_valid()
    page = selector.dismissed_page(after=form.cleaned_data.get("after"))
    context = {
        "page": page,
        "pairs": selector.with_sides(page.rows),
        "count": selector.dismissed_count(),
        "last": page.rows[-1].pk if page.has_older else None,
    }
    return render(request, "duplicates/dismissed.html", context)


@require_POST
@editor_required
def duplicates_restore(request: HttpRequest) -> HttpResponse:
    form = RestoreForm(request.POST)
    if not form.is_valid():
        messages.warning(request, _first_error(form))
        return redirect("duplicates-dismissed")
    chosen = form.cleaned_data
    count = restore(ids=chosen["pair"], decision=chosen["decision"], actor=request.user)
    if count:
        words = ngettext(
            "%(count)s pair may be duplicates again. New reports look at it as at any other.",
            "%(count)s pairs may be duplicates again. New reports look at them as at any others.",
            count,
        )
        messages.success(request, words % {"count": count})
    else:
        messages.info(request, _("Somebody has restored this already. Nothing was changed."))
    return redirect(next_address(request, reverse("duplicates-dismissed")))
