from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.i18n import set_language

from webapp.views import (
    accounts,
    dismissals,
    duplicates,
    evidence,
    files,
    imports,
    library,
    neighbours,
    search,
    status,
)

RENDITION = r"^content/(?P<sha256>[0-9a-f]{64})/(?P<name>thumb\.webp|view\.webp|frames/[0-9]{1,7}\.webp)$"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", search.home, name="home"),
    path("search/", search.create, name="search-create"),
    path("search/<uuid:pk>/", search.query, name="query"),
    path("search/<uuid:pk>/panel/", search.panel, name="query-panel"),
    path("search/<uuid:pk>/similar/", search.similar, name="query-similar"),
    path("search/<uuid:pk>/region/", search.region, name="query-region"),
    path("search/<uuid:pk>/again/", search.again, name="query-again"),
    path("search/<uuid:pk>/file", files.query_file, name="query-file"),
    path("search/<uuid:pk>/matches/<int:match_pk>/", evidence.evidence, name="evidence"),
    path("library/<int:pk>/search/", search.similar_to, name="search-similar-to"),
    path("library/<int:pk>/file", files.media_file, name="media-file"),
    re_path(RENDITION, files.rendition, name="rendition"),
    path("library/", library.library, name="library"),
    path("library/<int:pk>/", library.media_detail, name="media"),
    path("library/<int:pk>/trash/", library.media_trash, name="media-trash"),
    path("library/<int:pk>/restore/", library.media_restore, name="media-restore"),
    path("library/<int:pk>/neighbours/", neighbours.neighbours, name="media-neighbours"),
    path("library/<int:pk>/labels/", library.media_labels, name="media-labels"),
    path("trash/", library.trash, name="trash"),
    path("imports/", imports.imports, name="imports"),
    path("imports/<int:pk>/", imports.import_detail, name="import"),
    path("imports/<int:pk>/panel/", imports.import_panel, name="import-panel"),
    path("imports/<int:pk>/<str:action>/", imports.import_action, name="import-action"),
    path("samples/", imports.samples_load, name="samples-load"),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("duplicates/create/", duplicates.duplicates_create, name="duplicates-create"),
    path("duplicates/dismissed/", dismissals.duplicates_dismissed, name="duplicates-dismissed"),
    path("duplicates/dismissed/restore/", dismissals.duplicates_restore, name="duplicates-restore"),
    path("duplicates/<int:pk>/", duplicates.duplicate_report, name="duplicate-report"),
    path("duplicates/groups/<int:pk>/", duplicates.duplicate_group, name="duplicate-group"),
    path("duplicates/groups/<int:pk>/keep/", duplicates.duplicate_keep, name="duplicate-keep"),
    path("duplicates/groups/<int:pk>/dismiss/", dismissals.duplicate_dismiss, name="duplicate-dismiss"),
    path("status/", status.status, name="status"),
    path("status/live", status.live, name="status-live"),
    path("status/ready", status.ready, name="status-ready"),
    path("language/", set_language, name="set-language"),
    path("setup/", accounts.setup, name="setup"),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
