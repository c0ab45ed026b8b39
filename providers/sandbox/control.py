"""What a person, a test or the command line can do to a sandbox that is running."""

import time
from collections.abc import Callable
from typing import Any

from providers.sandbox.data import JSON, permission_profile
from providers.sandbox.ids import derived_guid, format_random_guid
from providers.sandbox.lookups import (
    ControlError,
    Lookups,
    app_facts,
    change_setting,
    known_permissions,
    known_types,
)
from providers.sandbox.models import AppRegistration, Tenant, TenantSettings
from providers.sandbox.policies.control import READING as READING_POLICIES
from providers.sandbox.policies.control import PolicyControl
from providers.sandbox.roles import seed_roles


class Control(PolicyControl, Lookups):
    """Every method acts at once. Tenants are named by slug; app registrations by client id."""

    def tenants(self) -> list[JSON]:
        with self._state.lock:
            return [self._facts(tenant) for tenant in self._state.tenants.values()]

    def tenant(self, tenant: str) -> JSON:
        with self._state.lock:
            return self._facts(self._tenant(tenant))

    def count(self, tenant: str) -> int:
        """How many groups the tenant has now."""
        with self._state.lock:
            found = self._tenant(tenant)
            found.settle()
            return found.groups.count()

    def groups(self, tenant: str) -> list[JSON]:
        with self._state.lock:
            return [group for _, group in self._tenant(tenant).groups.walk()]

    def role_definitions(self, tenant: str) -> JSON:
        """Role definitions by `entra` and `intune`."""
        with self._state.lock:
            found = self._tenant(tenant)
            return {"entra": list(found.entra_roles.values()), "intune": list(found.intune_roles.values())}

    def apps(self) -> list[JSON]:
        """App registrations, without the values of their secrets."""
        with self._state.lock:
            return [app_facts(app) for app in self._state.apps.values()]

    def add_app(
        self,
        display_name: str = "TenantPilot",
        *,
        client_id: str | None = None,
        permissions: list[str] | None = None,
        secret: str | None = None,
        certificate_pem: str | None = None,
    ) -> JSON:
        """Register an app with one secret (made unless given) and, if given, a certificate."""
        chosen = permission_profile("read") if permissions is None else permissions
        known_permissions(chosen)
        app = AppRegistration((client_id or format_random_guid()).lower(), display_name, list(chosen))
        value = app.add_secret(secret).value
        if certificate_pem:
            app.certificates.append(certificate_pem)
        with self._state.lock:
            self._state.apps[app.client_id] = app
        return {**app_facts(app), "client_secret": value}

    def add_tenant(
        self,
        tenant: str,
        *,
        display_name: str | None = None,
        client_id: str | None = None,
        permissions: list[str] | None = None,
        groups: int = 120,
        policies: int = 1,
        policy_counts: dict[str, int] | None = None,
        devices: int = 0,
        **settings: Any,
    ) -> JSON:
        """Make a tenant; with a client id the app is consented, for `permissions` or all it registered.

        It starts with `policies` objects of each type; `policy_counts` says otherwise for single types.
        """
        if tenant in self._state.tenants:
            raise ControlError(f"Tenant {tenant!r} exists already.")
        known_types(policy_counts or {})
        chosen = TenantSettings(
            groups=groups, policies=policies, policy_counts=policy_counts or {}, devices=devices
        )
        for name, value in settings.items():
            change_setting(chosen, name, value)
        made = Tenant(
            slug=tenant,
            tenant_id=derived_guid(self._state.seed, "tenant", tenant),
            display_name=display_name or tenant.replace("-", " ").title(),
            primary_domain=f"{tenant}.example",
            initial_domain=f"{tenant}demo.onmicrosoft.com",
            seed=self._state.seed,
            settings=chosen,
            app=client_id,
        )
        seed_roles(made)
        with self._state.lock:
            self._state.tenants[tenant] = made
            if client_id is not None:
                app = self._app(made, client_id)
                made.consent(app.client_id, app.permissions if permissions is None else permissions)
            return self._facts(made)

    def consent(self, tenant: str, client_id: str | None = None) -> JSON:
        """Grant admin consent: every permission the app registered."""
        with self._state.lock:
            found = self._tenant(tenant)
            app = self._app(found, client_id)
            found.consent(app.client_id, app.permissions)
            return self._facts(found)

    def grant(self, tenant: str, permissions: list[str], client_id: str | None = None) -> JSON:
        """Let the app hold these permissions and no others; `read` and `restore` stand for a whole profile."""
        profiles = {name: permission_profile(name) for name in ("read", "restore")}
        permissions = [value for each in permissions for value in profiles.get(each, [each])]
        known_permissions(permissions)
        with self._state.lock:
            found = self._tenant(tenant)
            found.consent(self._app(found, client_id).client_id, permissions)
            return self._facts(found)

    def revoke(self, tenant: str, permissions: list[str] | None = None, client_id: str | None = None) -> JSON:
        """Take permissions back; without a list the whole consent, i.e. the service principal."""
        with self._state.lock:
            found = self._tenant(tenant)
            app = self._app(found, client_id)
            principal = found.principal(app.client_id)
            if principal is not None and permissions:
                for value in permissions:
                    principal.grants.pop(value, None)
            elif principal is not None:
                found.principals.pop(app.client_id, None)
            return self._facts(found)

    def register(
        self, permissions: list[str], tenant: str | None = None, client_id: str | None = None
    ) -> JSON:
        """Add permissions to the set that an app registers: whoever consented before has granted a smaller one."""
        known_permissions(permissions)
        with self._state.lock:
            app = self._named_app(None if client_id else tenant, client_id)
            app.permissions += [value for value in permissions if value not in app.permissions]
            return app_facts(app)

    def add_certificate(
        self, certificate_pem: str, tenant: str | None = None, client_id: str | None = None
    ) -> JSON:
        """Upload the public part of a certificate to an app registration."""
        with self._state.lock:
            app = self._named_app(None if client_id else tenant, client_id)
            app.certificates.append(certificate_pem)
            return app_facts(app)

    def add_secret(
        self, tenant: str | None = None, client_id: str | None = None, *, value: str | None = None,
        valid_s: float | None = None,
    ) -> str:  # fmt: skip
        """Add a client secret to the app of a tenant, or to a named app; returns its value."""
        with self._state.lock:
            app = self._named_app(tenant, client_id)
            return app.add_secret(value, None if valid_s is None else time.time() + valid_s).value

    def replace_secret(self, tenant: str | None = None, client_id: str | None = None) -> str:
        """Like `add_secret`, and every earlier secret is removed."""
        with self._state.lock:
            app = self._named_app(tenant, client_id)
            app.secrets.clear()
            return app.add_secret().value

    def expire_secrets(self, tenant: str | None = None, client_id: str | None = None) -> JSON:
        """Let every secret of the app be expired from now on."""
        with self._state.lock:
            app = self._named_app(tenant, client_id)
            for secret in app.secrets:
                secret.expires_at = time.time() - 1
            return app_facts(app)

    def reach(self, tenant: str) -> JSON:
        return self.set(tenant, "reachable", True)

    def unreach(self, tenant: str, mode: str = "close") -> JSON:
        """Make a tenant unreachable: connections are closed (`close`) or never answered (`hang`)."""
        self.set(tenant, "unreachable_mode", mode)
        return self.set(tenant, "reachable", False)

    def set(self, tenant: str, name: str, value: Any) -> JSON:
        """Change one switch of a tenant (see `TenantSettings`)."""
        with self._state.lock:
            found = self._tenant(tenant)
            change_setting(found.settings, name, value)
            return self._facts(found)

    def throttle(self, tenant: str, units: int, window_s: float = 10.0, retry_after: str = "seconds") -> JSON:
        """Set the directory limit of a tenant in resource units per window."""
        if retry_after not in ("seconds", "fraction", "zero", "missing"):
            raise ControlError("retry_after is one of seconds, fraction, zero, missing.")
        self.set(tenant, "retry_after", retry_after)
        self.set(tenant, "throttle_window_s", window_s)
        return self.set(tenant, "throttle_units", units)

    def add_group(
        self, tenant: str, name: str, *, description: str | None = None, unified: bool = False
    ) -> str:
        """Create a group as an administrator would; returns its id."""
        with self._state.lock:
            found = self._tenant(tenant)
            group = found.groups.factory.make(5)
            group |= {
                "id": format_random_guid(),
                "displayName": name,
                "description": description,
                "groupTypes": ["Unified"] if unified else [],
                "mailNickname": f"new{found.groups.end}",
            }
            found.groups.create(group)
            return str(group["id"])

    def rename_group(self, tenant: str, group: str, name: str) -> str:
        """Rename the group with this id or display name; returns its id."""
        with self._state.lock:
            found = self._tenant(tenant)
            position = self._position(found, group)
            found.groups.patch(position, {"displayName": name})
            return found.groups.id_at(position)

    def delete_group(self, tenant: str, group: str) -> str:
        """Delete the group with this id or display name; returns its id."""
        with self._state.lock:
            found = self._tenant(tenant)
            position = self._position(found, group)
            found.groups.delete(position)
            return found.groups.id_at(position)

    def reset_deltas(self, tenant: str) -> int:
        """Forget every delta link given out so far: they answer 410 from now on."""
        with self._state.lock:
            found = self._tenant(tenant)
            found.delta_epoch += 1
            return found.delta_epoch

    def expire_tokens(self, tenant: str) -> int:
        """Let every access token of the tenant given out so far be expired."""
        with self._state.lock:
            found = self._tenant(tenant)
            found.token_epoch += 1
            return found.token_epoch

    def fault(self, **conditions: Any) -> int:
        """Add a failure script (see `faults.Fault`); returns its number."""
        with self._state.lock:
            try:
                return self._state.faults.add(**conditions).id
            except ValueError as error:
                raise ControlError(str(error)) from None

    def fail_request(self, tenant: str, number: int, **script: Any) -> int:
        """Let exactly the n-th request of a tenant from now on fail as `script` says; returns its number.

        Counted are requests inside of batches, single ones and `$batch` itself; `batch` narrows it down.
        """
        return self.fault(tenant=tenant, nth=number, times=1, **script)

    def faults(self) -> list[JSON]:
        with self._state.lock:
            return self._state.faults.dump()

    def clear_faults(self) -> int:
        with self._state.lock:
            number = len(self._state.faults.faults)
            self._state.faults.clear()
            return number

    def log(self, tenant: str | None = None, limit: int = 100) -> list[JSON]:
        with self._state.lock:
            return self._state.log.recent(tenant, limit)

    def mark(self) -> int:
        """The number of the last request so far; `writes` takes it as `since`."""
        with self._state.lock:
            return self._state.log.last

    def writes(self, tenant: str | None = None, since: int = 0) -> list[JSON]:
        """Every request that could change something: path, status, whether it was applied, a body hash."""
        with self._state.lock:
            return self._state.log.writes(tenant, since)

    def counts(self, tenant: str | None = None, service: str | None = None) -> dict[int, int]:
        """Answers by status; `service` is `graph` or `token`."""
        with self._state.lock:
            return self._state.log.counts(tenant, service)

    def share(self, status: int, tenant: str | None = None) -> float:
        """Share of Graph answers with this status, 0 to 1."""
        with self._state.lock:
            return self._state.log.share(status, tenant)

    def clear_log(self) -> None:
        with self._state.lock:
            self._state.log.clear()

    def reset(self, tenant: str | None = None) -> None:
        """Back to the start: everything, or one tenant of the demo."""
        if tenant is None:
            self._state.reset()
            return
        self._tenant(tenant)
        try:
            self._state.reset_tenant(tenant)
        except KeyError:
            raise ControlError(f"Tenant {tenant!r} is not part of the scenario.") from None


COMMANDS: dict[str, Callable[..., Any]] = {
    name: method
    for part in (Control, PolicyControl)
    for name, method in vars(part).items()
    if not name.startswith("_") and callable(method)
}
READING = READING_POLICIES | {
    "tenants",
    "tenant",
    "count",
    "groups",
    "role_definitions",
    "apps",
    "faults",
    "log",
    "mark",
    "writes",
    "counts",
    "share",
}
