"""The demo scenario. Its facts are in the JSON file that the demo loader of the product reads too."""

import json
from pathlib import Path

from providers.sandbox.data import JSON, permission_profile
from providers.sandbox.ids import parse_time
from providers.sandbox.models import AppRegistration, Tenant, TenantSettings
from providers.sandbox.roles import seed_roles

DEMO_FILE = Path(__file__).resolve().parents[2] / "tenantpilot" / "quickstart" / "demo_data.json"
_NOT_SETTINGS = ("granted", "granted_without")


def demo_document() -> JSON:
    document: JSON = json.loads(DEMO_FILE.read_text(encoding="utf-8"))
    return document


def demo_apps(document: JSON) -> list[AppRegistration]:
    """App registrations of the demo with every secret and certificate the document names."""
    tenants = {tenant["slug"]: tenant["entra_tenant_id"] for tenant in document["tenants"]}
    apps = []
    for entry in document["app_registrations"]:
        app = AppRegistration(
            client_id=entry["client_id"],
            display_name=entry["display_name"],
            permissions=permission_profile(entry["permission_profile"]),
            home_tenant=tenants.get(entry["tenant"]),
        )
        for name in ("client_secret", "renewed_secret"):
            if entry.get(name):
                app.add_secret(entry[name], parse_time(entry[f"{name}_expires_at"]))
        if entry.get("demo_certificate_pem"):
            app.certificates.append(entry["demo_certificate_pem"])
        apps.append(app)
    return apps


def demo_tenant(entry: JSON, apps: dict[str, JSON], seed: int, sizes: JSON) -> Tenant:
    """One tenant of the document, consented as the document says; further apps at home in it are consented whole."""
    facts = entry["sandbox"]
    known = {name: value for name, value in facts.items() if name not in _NOT_SETTINGS}
    settings = TenantSettings(**known | sizes)
    app = apps[entry["app_registration"]]
    tenant = Tenant(
        slug=entry["slug"],
        tenant_id=entry["entra_tenant_id"],
        display_name=entry["display_name"],
        primary_domain=entry["primary_domain"],
        initial_domain=entry["initial_domain"],
        seed=seed,
        settings=settings,
        app=app["client_id"],
    )
    seed_roles(tenant)
    for own in apps.values():
        if own["tenant"] == entry["slug"] and own is not app:
            tenant.consent(own["client_id"], permission_profile(own["permission_profile"]))
    if "granted" in facts and facts["granted"] is None:
        return tenant
    withheld = facts.get("granted_without", [])
    granted = [value for value in permission_profile(app["permission_profile"]) if value not in withheld]
    tenant.consent(app["client_id"], granted)
    return tenant
