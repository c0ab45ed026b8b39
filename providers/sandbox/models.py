"""What the sandbox keeps: app registrations, tenants and what was changed in them."""

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields

from cryptography import x509

from providers.sandbox.certificates import thumbprints
from providers.sandbox.data import JSON
from providers.sandbox.groupstore import GroupStore
from providers.sandbox.ids import derived_guid, now_text
from providers.sandbox.policies.store import PolicyStore
from providers.sandbox.tenants import GroupFactory, PersonFactory, format_guid


@dataclass
class ClientSecret:
    key_id: str
    value: str
    expires_at: float | None = None

    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= time.time()


@dataclass
class AppRegistration:
    client_id: str
    display_name: str
    permissions: list[str]
    home_tenant: str | None = None
    secrets: list[ClientSecret] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    redirect_uris: list[str] = field(default_factory=lambda: ["*"])

    def add_secret(self, value: str | None = None, expires_at: float | None = None) -> ClientSecret:
        secret = ClientSecret(
            key_id=format_guid(secrets.token_bytes(16)),
            value=value or f"sbx~{secrets.token_urlsafe(30)}",
            expires_at=expires_at,
        )
        self.secrets.append(secret)
        return secret

    def certificate(self, thumbprint: str) -> x509.Certificate | None:
        """The registered certificate with this SHA-1 or SHA-256 thumbprint (base64url), or None."""
        for pem in self.certificates:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            if thumbprint.rstrip("=") in thumbprints(certificate):
                return certificate
        return None


@dataclass
class ServicePrincipal:
    object_id: str
    client_id: str
    grants: dict[str, str] = field(default_factory=dict)
    enabled: bool = True


FIXED_SETTINGS = ("groups", "users", "policies", "policy_counts", "devices")


@dataclass
class TenantSettings:
    """Switches of one tenant. Times are seconds unless the name says otherwise."""

    groups: int = 120
    users: int = 60
    policies: int = 1
    policy_counts: dict[str, int] = field(default_factory=dict)
    devices: int = 0
    page_size: int | None = None
    delta_page_size: int = 999
    replay_deltas: bool = False
    delta_lifetime_s: float = 7 * 86400
    delay_per_object_ms: float = 0.0
    reachable: bool = True
    unreachable_mode: str = "close"
    intune: bool = True
    windows_updates: bool = True
    entra_premium: bool = True
    approval_required: bool = False
    consistency_delay_s: float = 0.0
    throttle_units: int = 8000
    throttle_intune: bool = True
    throttle_conditional_access: bool = False
    throttle_window_s: float = 10.0
    retry_after: str = "seconds"
    token_lifetime_s: float | None = None
    cloud: str = "global"
    country: str = "DE"
    city: str = "Berlin"

    def change(self, name: str, value: object) -> None:
        """Set one switch; raises ValueError for an unknown name or a value of the wrong type."""
        known = {item.name: item for item in fields(self)}
        if name not in known or name in FIXED_SETTINGS:
            raise ValueError(f"Unknown setting {name!r}.")
        expected = str(known[name].type)
        accepted: tuple[type, ...] = (
            (bool,) if "bool" in expected else (int,) if "int" in expected else (str,)
        )
        if "float" in expected:
            accepted = (int, float)
        fits = isinstance(value, accepted) and (bool in accepted or not isinstance(value, bool))
        if not fits and not (value is None and "None" in expected):
            raise ValueError(f"Setting {name!r} takes {expected}.")
        setattr(self, name, value)


@dataclass
class Tenant:
    slug: str
    tenant_id: str
    display_name: str
    primary_domain: str
    initial_domain: str
    seed: int
    settings: TenantSettings
    principals: dict[str, ServicePrincipal] = field(default_factory=dict)
    entra_roles: dict[str, JSON] = field(default_factory=dict)
    intune_roles: dict[str, JSON] = field(default_factory=dict)
    delta_epoch: int = 0
    token_epoch: int = 0
    app: str | None = None
    policy_changes: JSON = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.policies = PolicyStore(self, self.policy_changes)
        people = PersonFactory(self.seed, self.slug, self.primary_domain, self.settings.users)
        factory = GroupFactory(self.seed, self.slug, self.primary_domain, self.settings.groups)
        self.groups = GroupStore(factory, people)
        self._pending: list[tuple[float, Callable[[], None]]] = []

    @property
    def people(self) -> PersonFactory:
        return self.groups.people

    @property
    def graph_principal_id(self) -> str:
        """Object id of the Microsoft Graph service principal here; differs from tenant to tenant."""
        return derived_guid(self.seed, self.slug, "sp:graph")

    def is_named(self, name: str) -> bool:
        return name.lower() in (self.tenant_id, self.primary_domain, self.initial_domain)

    def principal(self, client_id: str) -> ServicePrincipal | None:
        return self.principals.get(client_id.lower())

    def consent(self, client_id: str, permissions: list[str]) -> ServicePrincipal:
        """Create the app's service principal if it is missing, and grant the permissions."""
        key = client_id.lower()
        principal = self.principals.get(key)
        if principal is None:
            principal = ServicePrincipal(derived_guid(self.seed, self.slug, "sp", key), key)
            self.principals[key] = principal
        for value in permissions:
            principal.grants.setdefault(value, now_text())
        return principal

    def write(self, change: Callable[[], None]) -> None:
        """Carry a change out now, or later when reads are to lag behind writes."""
        delay = self.settings.consistency_delay_s
        if delay <= 0:
            change()
        else:
            self._pending.append((time.monotonic() + delay, change))

    def settle(self, everything: bool = False) -> None:
        """Carry out the changes whose time has come."""
        now = time.monotonic()
        due = [item for item in self._pending if everything or item[0] <= now]
        self._pending = [item for item in self._pending if item not in due]
        for _, change in due:
            change()

    def dump(self) -> JSON:
        self.settle(everything=True)
        return {
            "slug": self.slug,
            "tenant_id": self.tenant_id,
            "display_name": self.display_name,
            "primary_domain": self.primary_domain,
            "initial_domain": self.initial_domain,
            "seed": self.seed,
            "settings": asdict(self.settings),
            "principals": {key: asdict(value) for key, value in self.principals.items()},
            "entra_roles": self.entra_roles,
            "intune_roles": self.intune_roles,
            "delta_epoch": self.delta_epoch,
            "token_epoch": self.token_epoch,
            "app": self.app,
            "group_changes": self.groups.dump(),
            "policy_changes": self.policies.dump(),
        }

    @classmethod
    def load(cls, saved: JSON) -> "Tenant":
        values = {name: value for name, value in saved.items() if name != "group_changes"}
        values["settings"] = TenantSettings(**saved["settings"])
        values["principals"] = {key: ServicePrincipal(**sp) for key, sp in saved["principals"].items()}
        tenant = cls(**values)
        tenant.groups.restore(saved["group_changes"])
        return tenant
