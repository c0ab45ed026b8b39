from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "tenantpilot.audit"
    label = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        from tenantpilot.audit import sessions  # noqa: F401  # its receivers register themselves
