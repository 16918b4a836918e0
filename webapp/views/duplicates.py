"""Duplicate reports: asking for one, browsing its groups, and keeping the best copy."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tasks.duplicates import build_report
from webapp.forms.duplicates import GroupFilterForm, KeepForm, ReportForm
from webapp.models import DuplicateGroup, DuplicateMember, DuplicateReport
from webapp.selectors import duplicate_groups
from webapp.selectors import duplicates as selector
from webapp.selectors.dismissals import dismissed_count
from webapp.services import duplicates as service
from webapp.services.keeping import KeepRefused, keep_members
from webapp.views.access import editor_required
from webapp.views.undo import next_address, offer_restore

GROUPS = 24


@require_GET
@editor_required
def duplicates(request: HttpRequest) -> HttpResponse:
    return _reports_page(request, ReportForm())


def _reports_page(request: HttpRequest, form: ReportForm, status: int = 200) -> HttpResponse:
    reports = selector.list_reports()
    context = {"reports": reports, "form": form, "latest": next(filter(_is_done, reports), None)}
    context["dismissed"] = dismissed_count()
    return render(request, "duplicates/reports.html", context, status=status)


def _is_done(report: DuplicateReport) -> bool:
    return report.status == DuplicateReport.Status.DONE


@require_POST
@editor_required
def duplicates_create(request: HttpRequest) -> HttpResponse:
    form = ReportForm(request.POST)
    if not form.is_valid():
        return _reports_page(request, form, status=422)
    collection = form.cleaned_data["collection"]
    report = duplicate_groups.open_report(collection=collection)
    if report is None:
        report = service.create_report(collection=collection)
        build_report.delay_on_commit(report.pk)
    return redirect("duplicate-report", pk=report.pk)


@require_http_methods(["GET", "POST"])
@editor_required
def duplicate_report(request: HttpRequest, pk: int) -> HttpResponse:
    """POST stops the report. A poll gets only the panel, or nothing while nothing changed."""
    report = get_object_or_404(DuplicateReport.objects.select_related("collection"), pk=pk)
    if request.method == "POST":
        service.cancel_report(report=report)
        return redirect("duplicate-report", pk=pk)
    context = _report_context(request, report)
    if request.headers.get("HX-Target") == "report-progress":
        same = request.GET.get("seen") == context["seen"]
        return HttpResponse(status=204) if same else _progress(request, context)
    template = (
        "duplicates/_groups.html" if request.headers.get("HX-Target") == "more" else "duplicates/report.html"
    )
    return render(request, template, context)


def _progress(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    response = render(request, "duplicates/_progress.html", context)
    if not context["is_open"]:
        response["HX-Refresh"] = "true"  # the groups are there now
    return response


def _report_context(request: HttpRequest, report: DuplicateReport) -> dict[str, Any]:
    form = GroupFilterForm(request.GET)
    form.is_valid()
    relation, after = form.cleaned_data.get("relation", ""), form.cleaned_data.get("after")
    groups = selector.groups(report, after=after, relation=relation or None, limit=GROUPS + 1)
    shown = groups[:GROUPS]
    return {
        "report": report,
        "is_open": report.status in selector.OPEN_REPORTS,
        "seen": f"{report.status}-{report.progress}-{report.stage}-{report.cancel_requested}",
        "relation": relation,
        "groups": duplicate_groups.previews(shown),
        "counts": duplicate_groups.counts(report),
        "is_first": after is None,
        "last": shown[-1].pk if len(groups) > GROUPS else None,
    }


@require_GET
@editor_required
def duplicate_group(request: HttpRequest, pk: int) -> HttpResponse:
    group = _group(pk)
    if not group.is_current and group.origin_id:
        return redirect("duplicate-group", pk=group.origin_id)  # a part of something that is whole again
    return _group_page(request, group, KeepForm())


def _group(pk: int) -> DuplicateGroup:
    return get_object_or_404(DuplicateGroup.objects.select_related("report", "best__content"), pk=pk)


def _group_page(
    request: HttpRequest, group: DuplicateGroup, form: KeepForm, status: int = 200
) -> HttpResponse:
    page = duplicate_groups.member_page(group, start=_start(request))
    inliers = duplicate_groups.inliers_with_best(group, page.members)
    context = {
        "group": group,
        "report": group.report,
        "page": page,
        "members": [(member, inliers.get(member.media.content_id)) for member in page.members],
        "others": page.live - 1,
        "trashed": duplicate_groups.trashed_members(group),
        "has_best": group.best.trashed_at is None,
        "is_open": group.is_current and page.live > 1,
        "different": _different(group, page.members),
        "parts": [] if group.is_current else duplicate_groups.open_parts(group),
        "form": form,
        "next": duplicate_groups.next_group(group),
        "kept": request.POST.getlist("keep") if form.is_bound else [str(group.best_id)],
    }
    return render(request, "duplicates/group.html", context, status=status)


def _different(group: DuplicateGroup, members: list[DuplicateMember]) -> int:
    """Distinct files on the page that somebody might tell apart; the same bytes are what they are."""
    is_near = group.relation == DuplicateGroup.Relation.NEAR
    return len({member.media.content_id for member in members}) if is_near else 0


def _start(request: HttpRequest) -> int:
    value = request.GET.get("start", "")
    return int(value) if value.isdecimal() and len(value) < 9 else 0


@require_POST
@editor_required
def duplicate_keep(request: HttpRequest, pk: int) -> HttpResponse:
    group = _group(pk)
    form = KeepForm(request.POST)
    if not form.is_valid():
        return _group_page(request, group, form, status=422)
    try:
        gone = _keep(request, group, form.cleaned_data)
    except KeepRefused as error:
        messages.error(request, str(error))
        return redirect("duplicate-group", pk=pk)
    if gone:
        words = ngettext("%(count)s copy is in the trash.", "%(count)s copies are in the trash.", len(gone))
        back = reverse("duplicate-group", args=[pk])
        offer_restore(request, words=words % {"count": len(gone)}, media_ids=gone, back=back)
    else:
        messages.info(request, _("Everything is kept. Nothing was changed."))
    following = duplicate_groups.next_group(group) if gone else group
    default = (
        reverse("duplicate-group", args=[following.pk])
        if following
        else reverse("duplicate-report", args=[group.report_id])
    )
    return redirect(next_address(request, default))


def _keep(request: HttpRequest, group: DuplicateGroup, chosen: dict[str, Any]) -> list[int]:
    if chosen["action"] == "best":
        return keep_members(group=group, keep=[group.best_id], actor=request.user)
    return keep_members(group=group, keep=chosen["keep"], among=chosen["shown"], actor=request.user)
