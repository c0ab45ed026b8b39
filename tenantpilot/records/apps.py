from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecordsConfig(AppConfig):
    name = "tenantpilot.records"
    label = "records"
    verbose_name = _("Records")

    def ready(self) -> None:
        """Register the models with the console's site, which discovers none by itself."""
        from tenantpilot.records import admin  # noqa: F401
