from django.apps import AppConfig


class LifecycleConfig(AppConfig):
    name = "tenantpilot.lifecycle"
    label = "lifecycle"
    verbose_name = "Tenant life"
