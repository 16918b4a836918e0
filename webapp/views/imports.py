"""Imports: starting one, watching it, and steering it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from tasks.imports import run_import
from webapp.forms.imports import MOST_FILES, FolderImportForm, UploadImportForm, is_archive
from webapp.models import Collection, ImportJob
from webapp.selectors import imports as selector
from webapp.selectors.library import library_is_empty
from webapp.selectors.places import import_places
from webapp.services import imports as service
from webapp.services.storage import StorageError
from webapp.services.uploads import keep_archive, keep_files
from webapp.views.access import editor_required, may_edit, search_access

Job = ImportJob.Status
ERRORS_SHOWN = 50


@require_http_methods(["GET", "POST"])
@editor_required
def imports(request: HttpRequest) -> HttpResponse:
    folder, upload = FolderImportForm(), UploadImportForm()
    if request.method == "POST":
        started: ImportJob | None
        if request.POST.get("source") == ImportJob.Source.FOLDER:
            folder = FolderImportForm(request.POST)
            started = _start(folder, lambda: _from_folder(request, folder))
        else:
            upload = UploadImportForm(request.POST, request.FILES)
            started = _start(upload, lambda: _from_upload(request, upload))
        if started:
            return _to_job(request, started)
    return _imports_page(request, folder, upload)


def _start(form: Form, create: Callable[[], ImportJob]) -> ImportJob | None:
    """The new job, its task sent; or ``None`` with the reason among the form's errors."""
    if not form.is_valid():
        return None
    try:
        job = create()
    except (service.ImportRefused, StorageError) as error:
        form.add_error(next(iter(form.fields)), str(error))
        return None
    run_import.delay_on_commit(job.pk)
    return job


def _from_folder(request: HttpRequest, form: FolderImportForm) -> ImportJob:
    return service.create_import(
        source=ImportJob.Source.FOLDER,
        location=form.cleaned_data["location"],
        collection_name=form.cleaned_data["collection_name"],
        labels_from_folders=form.cleaned_data["labels_from_folders"],
        user=request.user,
    )


def _from_upload(request: HttpRequest, form: UploadImportForm) -> ImportJob:
    files = form.cleaned_data["uploads"]
    if is_archive(files[0]):
        source, name = ImportJob.Source.ZIP, files[0].name
        place = keep_archive(chunks=files[0].chunks())
    else:
        source, name = ImportJob.Source.FILES, _files_words(files)
        place = keep_files(files=files)
    return service.create_import(
        source=source,
        location=place,
        name=name,
        collection_name=form.cleaned_data["collection_name"],
        labels_from_folders=form.cleaned_data["labels_from_folders"],
        user=request.user,
    )


def _files_words(files: list[Any]) -> str:
    if len(files) == 1:
        return str(files[0].name)
    more = len(files) - 1
    words = ngettext("%(name)s and %(more)s more", "%(name)s and %(more)s more", more)
    return words % {"name": files[0].name, "more": more}


def _to_job(request: HttpRequest, job: ImportJob) -> HttpResponse:
    response = redirect("import", pk=job.pk)
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(response.url)
    return response


def _imports_page(request: HttpRequest, folder: FolderImportForm, upload: UploadImportForm) -> HttpResponse:
    context = {
        "folder_form": folder,
        "upload_form": upload,
        "jobs": [(job, selector.job_counts(job)) for job in selector.list_jobs(limit=20)],
        "roots": selector.import_roots(),
        "places": import_places(),
        "collections": Collection.objects.all()[:200],
        "most_files": MOST_FILES,
        "most_bytes": settings.SIGHTLINE.max_upload_bytes,
    }
    refused = bool(folder.errors or upload.errors)
    status = 422 if refused and not request.headers.get("HX-Request") else 200  # htmx shows only good answers
    return render(request, "imports/imports.html", context, status=status)


def _visible_job(request: HttpRequest, pk: int) -> ImportJob:
    """Editors see every import; visitors the one of the sample library, which they may have started."""
    job = get_object_or_404(ImportJob.objects.select_related("collection", "created_by"), pk=pk)
    if not may_edit(request) and job.source != ImportJob.Source.SAMPLES:
        raise Http404
    return job


@require_GET
@search_access
def import_detail(request: HttpRequest, pk: int) -> HttpResponse:
    job = _visible_job(request, pk)
    return render(request, "imports/detail.html", _job_context(request, job))


@require_GET
@search_access
def import_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """What the page polls. While nothing changes it is told so, and keeps focus and selection."""
    context = _job_context(request, _visible_job(request, pk))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "imports/_panel.html", context)


def _job_context(request: HttpRequest, job: ImportJob) -> dict[str, Any]:
    counts = selector.job_counts(job)
    after = request.GET.get("after", "")
    failed = selector.failed_items(job, after=int(after) if after.isdecimal() else 0, limit=ERRORS_SHOWN + 1)
    state = f"{job.status} {job.error} {sorted(counts.items())}"
    return {
        "job": job,
        "counts": counts,
        "failed": failed[:ERRORS_SHOWN],
        "more_failed": failed[ERRORS_SHOWN - 1].pk if len(failed) > ERRORS_SHOWN else None,
        "is_open": job.status in selector.OPEN_JOBS,
        "may_edit": may_edit(request),
        "actions": _actions(job, counts) if may_edit(request) else [],
        "seen": hashlib.sha256(state.encode()).hexdigest()[:16],
    }


def _actions(job: ImportJob, counts: dict[str, int]) -> list[str]:
    is_open = job.status in selector.OPEN_JOBS
    possible = {
        "pause": is_open,
        "resume": job.status in {Job.PAUSED, Job.FAILED, Job.CANCELLED},
        "retry": not is_open and counts["failed"] > 0,
        "cancel": is_open or job.status == Job.PAUSED,
    }
    return [name for name, offered in possible.items() if offered]


@require_POST
@editor_required
def import_action(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    steps: dict[str, Callable[..., ImportJob]] = {
        "pause": service.pause_import,
        "resume": service.resume_import,
        "retry": service.retry_failed,
        "cancel": service.cancel_import,
    }
    if action not in steps:
        raise Http404
    job = get_object_or_404(ImportJob, pk=pk)
    if action in _actions(job, selector.job_counts(job)):  # else it ended meanwhile, and the page shows so
        job = steps[action](job=job)
    if job.status == Job.PENDING:
        run_import.delay_on_commit(job.pk)
    if request.headers.get("HX-Request"):
        return render(request, "imports/_panel.html", _job_context(request, job))
    return redirect("import", pk=pk)


@require_POST
@search_access
def samples_load(request: HttpRequest) -> HttpResponse:
    """Anybody who may search may fill an empty library; afterwards only editors may add to it."""
    running = ImportJob.objects.filter(source=ImportJob.Source.SAMPLES, status__in=selector.OPEN_JOBS).first()
    if running:
        return redirect("import", pk=running.pk)
    if not may_edit(request) and not library_is_empty():
        raise PermissionDenied
    job = service.create_import(
        source=ImportJob.Source.SAMPLES,
        name=_("Sample library"),
        collection_name=_("Samples"),
        user=request.user,
    )
    run_import.delay_on_commit(job.pk)
    return redirect("import", pk=job.pk)
