from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import AppConfig, apps


class OperationsConfig(AppConfig):
    name = "operations"
    verbose_name = "Operations"

    def ready(self) -> None:
        from operations import chains, checks, reasons, registry, transitions  # noqa: F401  # some register themselves

        transitions.when_a_step_ended(chains.go_on)

        for config in apps.get_app_configs():
            _load_operation_types(config.name)
        registry.close()


def _load_operation_types(app: str) -> None:
    package = f"{app}.operation_types"
    if find_spec(package) is None:
        return
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
