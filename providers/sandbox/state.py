"""All state of one sandbox, and its file: what was changed survives a restart."""

import hashlib
import os
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from providers.sandbox.data import JSON
from providers.sandbox.demo import DEMO_FILE, demo_apps, demo_document, demo_tenant
from providers.sandbox.faults import FaultBook
from providers.sandbox.keys import SigningKey
from providers.sandbox.models import AppRegistration, ClientSecret, Tenant
from providers.sandbox.requestlog import RequestLog
from providers.sandbox.throttle import Throttle


@dataclass
class Options:
    """How a sandbox is started."""

    scenario: str = "blank"
    seed: int | None = None
    state_dir: Path | None = None
    delay_ms: float = 0.0
    delay_per_object_ms: float | None = None
    scale: dict[str, int] = field(default_factory=dict)
    scale_factor: float = 1.0
    policies: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    token_lifetime_s: float = 3599.0


class StateFileError(Exception):
    """The state file is damaged or of another version."""


class SandboxState:
    """Tenants, app registrations, faults, limits and the log; guarded by `lock`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.seed = options.seed if options.seed is not None else int(demo_document()["seed"])
        self.lock = threading.RLock()
        self._saving = threading.Lock()
        self.apps: dict[str, AppRegistration] = {}
        self.tenants: dict[str, Tenant] = {}
        self.faults = FaultBook()
        self.throttle = Throttle()
        self.log = RequestLog()
        self.dead_tokens: set[str] = set()
        self.token_lifetime_s = options.token_lifetime_s
        self.dirty = False
        self.key = SigningKey.for_directory(options.state_dir)
        self.cursor_key = hashlib.blake2b(f"cursor:{self.seed}".encode(), digest_size=32).digest()
        if not self._load():
            self.reset()

    def reset(self) -> None:
        """Back to the scenario as it starts; faults and the log are cleared too."""
        with self.lock:
            self.apps.clear()
            self.tenants.clear()
            self.dead_tokens.clear()
            self.faults.clear()
            self.throttle.clear()
            self.log.clear()
            if self.options.scenario == "demo":
                self._load_demo()
            self.dirty = True

    def reset_tenant(self, slug: str) -> None:
        """One tenant of the demo back to how it starts; raises KeyError for others."""
        document = demo_document()
        entries = {entry["slug"]: entry for entry in document["tenants"]}
        with self.lock:
            apps = {app["key"]: app for app in document["app_registrations"]}
            self.tenants[slug] = demo_tenant(entries[slug], apps, self.seed, self._demo_sizes(entries[slug]))
            self.dirty = True

    def find_tenant(self, name: str) -> Tenant | None:
        """A tenant by tenant id or verified domain, as a token request names it."""
        return next((tenant for tenant in self.tenants.values() if tenant.is_named(name)), None)

    def app(self, client_id: str) -> AppRegistration | None:
        return self.apps.get(client_id.lower())

    def save(self) -> None:
        """Write the state file; does nothing without a state directory."""
        if self.options.state_dir is None:
            return
        with self._saving:
            self._write_file(self.options.state_dir / "state.json")

    def _write_file(self, path: Path) -> None:
        with self.lock:
            document = {
                "origin": self._origin(),
                "apps": [asdict(app) for app in self.apps.values()],
                "tenants": [tenant.dump() for tenant in self.tenants.values()],
            }
            content = orjson.dumps(document, option=orjson.OPT_INDENT_2)
            self.dirty = False
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def _load(self) -> bool:
        """Take over the state file when it belongs to this scenario, seed and scale."""
        if self.options.state_dir is None:
            return False
        path = self.options.state_dir / "state.json"
        if not path.exists():
            return False
        try:
            saved = orjson.loads(path.read_bytes())
            if saved["origin"] != self._origin():
                return False
            self._take_over(saved)
        except (KeyError, TypeError, ValueError) as error:
            raise StateFileError(f"{path} cannot be read ({error!r}); delete it to start over.") from error
        return True

    def _origin(self) -> list[object]:
        """What a state file belongs to: it is of no use for another scenario, seed or demo document."""
        facts = DEMO_FILE.read_bytes() if self.options.scenario == "demo" else b""
        return [self.options.scenario, self.seed, hashlib.sha256(facts).hexdigest()]

    def _take_over(self, saved: JSON) -> None:
        demo: dict[str, JSON] = {}
        if self.options.scenario == "demo":
            demo = {entry["slug"]: entry for entry in demo_document()["tenants"]}
        for entry in saved["apps"]:
            secrets = [ClientSecret(**secret) for secret in entry.pop("secrets")]
            self.apps[entry["client_id"].lower()] = AppRegistration(**entry, secrets=secrets)
        for entry in saved["tenants"]:
            if entry["slug"] in demo:
                entry["settings"] |= self._demo_sizes(demo[entry["slug"]])
            self.tenants[entry["slug"]] = Tenant.load(entry)

    def _load_demo(self) -> None:
        document = demo_document()
        for app in demo_apps(document):
            self.apps[app.client_id.lower()] = app
        apps = {entry["key"]: entry for entry in document["app_registrations"]}
        for entry in document["tenants"]:
            self.tenants[entry["slug"]] = demo_tenant(entry, apps, self.seed, self._demo_sizes(entry))

    def _demo_sizes(self, entry: JSON) -> JSON:
        """How many groups, policies and devices a tenant of the demo starts with, as asked for."""
        slug, facts, options = entry["slug"], entry["sandbox"], self.options
        sizes: JSON = {
            "groups": options.scale.get(slug, max(1, round(facts["groups"] * options.scale_factor))),
            "devices": options.devices.get(slug, facts["devices"]),
        }
        if slug in options.policies:
            return sizes | {"policies": options.policies[slug], "policy_counts": {}}
        return sizes | {"policies": facts["policies"], "policy_counts": facts.get("policy_counts", {})}
