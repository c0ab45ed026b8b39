from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = "Providers"

    def ready(self) -> None:
        from providers import reasons  # noqa: F401  # fills the catalogue
        from providers.compliance.shapes import PARTS
        from providers.inventory.types import INVENTORY_TYPES
        from tenantpilot.console.templatetags.ui import COUNT_WORDS

        # A run counts per object type.
        COUNT_WORDS.update({kind.key: kind.label for kind in INVENTORY_TYPES} | PARTS)
