from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenancyConfig(AppConfig):
    name = "tenantpilot.tenancy"
    label = "tenancy"
    verbose_name = "Tenancy"

    def ready(self) -> None:
        from tenantpilot.tenancy import grants_sync, receivers  # noqa: F401  # models are loaded only now

        post_migrate.connect(grants_sync.sync_after_migrate, sender=self, dispatch_uid="grants_sync")
