"""What the control commands share: finding tenants, apps and groups, and telling facts about them."""

from collections.abc import Iterable

from providers.sandbox.data import JSON, app_roles
from providers.sandbox.models import AppRegistration, Tenant, TenantSettings
from providers.sandbox.policies.table import BY_KEY
from providers.sandbox.state import SandboxState


class ControlError(Exception):
    """The command cannot be carried out; the message is for the person who gave it."""


class Lookups:
    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def _tenant(self, slug: str) -> Tenant:
        found = self._state.tenants.get(slug)
        if found is None:
            known = ", ".join(self._state.tenants) or "none"
            raise ControlError(f"Unknown tenant {slug!r}; known: {known}.")
        return found

    def _app(self, tenant: Tenant, client_id: str | None) -> AppRegistration:
        wanted = client_id or tenant.app
        app = self._state.app(wanted) if wanted else None
        if app is None:
            raise ControlError(f"Unknown app registration {wanted!r}.")
        return app

    def _named_app(self, tenant: str | None, client_id: str | None) -> AppRegistration:
        if tenant is not None:
            return self._app(self._tenant(tenant), client_id)
        app = self._state.app(client_id or "")
        if app is None:
            raise ControlError(f"Unknown app registration {client_id!r}.")
        return app

    def _position(self, tenant: Tenant, group: str) -> int:
        position = tenant.groups.position(group)
        if position is not None:
            return position
        found = tenant.groups.find_by_name(group)
        if len(found) != 1:
            words = "No group is" if not found else f"{len(found)} groups are"
            raise ControlError(f"{words} named {group!r} in {tenant.slug}; use the id.")
        return tenant.groups.position(found[0]) or 0

    def _facts(self, tenant: Tenant) -> JSON:
        tenant.settle()
        app = self._state.app(tenant.app) if tenant.app else None
        principal = tenant.principal(tenant.app) if tenant.app else None
        return {
            "tenant": tenant.slug,
            "display_name": tenant.display_name,
            "tenant_id": tenant.tenant_id,
            "primary_domain": tenant.primary_domain,
            "groups": tenant.groups.count(),
            "reachable": tenant.settings.reachable,
            "intune": tenant.settings.intune,
            "client_id": tenant.app,
            "app": app.display_name if app else None,
            "consented": principal is not None,
            "granted": sorted(principal.grants) if principal else [],
            "missing": [value for value in app.permissions if not principal or value not in principal.grants]
            if app
            else [],
        }


def app_facts(app: AppRegistration) -> JSON:
    return {
        "client_id": app.client_id,
        "display_name": app.display_name,
        "permissions": app.permissions,
        "secrets": [
            {"key_id": secret.key_id, "hint": secret.value[:3], "expired": secret.expired()}
            for secret in app.secrets
        ],
        "certificates": len(app.certificates),
    }


def known_permissions(values: list[str]) -> None:
    unknown = [value for value in values if value not in app_roles()]
    if unknown:
        raise ControlError(f"Unknown application permission: {', '.join(unknown)}.")


def known_types(keys: Iterable[str]) -> None:
    unknown = [key for key in keys if key not in BY_KEY and key != "roleDefinitions"]
    if unknown:
        raise ControlError(f"Unknown object type: {', '.join(unknown)}.")


def change_setting(settings: TenantSettings, name: str, value: object) -> None:
    try:
        settings.change(name, value)
    except ValueError as error:
        raise ControlError(str(error)) from None
