from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SightlineConfig(AppConfig):
    name = "webapp"
    verbose_name = _("Sightline")

    def ready(self) -> None:
        from webapp import checks  # noqa: F401  registers the system checks
