"""The demo's people, tenants and connections, under the names that the documentation uses."""

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from operations import gate, registry
from operations.choices import Origin
from providers import secrets
from providers.choices import CredentialKind, Purpose
from providers.models import AppRegistration, ProviderConnection
from providers.selectors import target_of_tenant_for_system
from tenantpilot.quickstart.people import PASSWORD, PEOPLE, Person
from tenantpilot.tenancy import grants
from tenantpilot.tenancy.models import Tenant, User, Workspace

DATA = Path(__file__).with_name("demo_data.json")
CONNECTION_CHECK = "provider.connection.check"


def load() -> None:
    """Write what is missing of the demo, in one transaction; what exists is left as it is."""
    data = _document()
    with transaction.atomic():
        workspaces = {item["slug"]: _workspace(item) for item in data["workspaces"]}
        tenants = {item["slug"]: _tenant(item, workspaces[item["workspace"]]) for item in data["tenants"]}
        registrations = {
            item["key"]: _app_registration(item, workspaces, tenants) for item in data["app_registrations"]
        }
        for item in data["tenants"]:
            if item["connection"]:
                _connection(item, tenants[item["slug"]], registrations[item["app_registration"]])
        for person in PEOPLE:
            _person(person, workspaces[person.workspace], tenants)


def start_first_checks() -> None:
    """Start the connection check through the gate where the demo wants it on the first start."""
    check = registry.get(CONNECTION_CHECK)
    for item in _document()["tenants"]:
        if not (item["connection"] or {}).get("check_on_first_start"):
            continue
        target = target_of_tenant_for_system(item["slug"])
        assert target is not None, "load() comes first"
        gate.start(gate.Start(check, target, actor_id=None, origin=Origin.SYSTEM, surface="demo"))


def _document() -> dict[str, Any]:
    """Return the demo without what only the sandbox has: a customer whom nobody has added to the console yet."""
    data: dict[str, Any] = json.loads(DATA.read_text())
    for kind in ("tenants", "app_registrations"):
        data[kind] = [item for item in data[kind] if item.get("console", True)]
    return data


def _workspace(item: dict[str, Any]) -> Workspace:
    return Workspace.objects.get_or_create(slug=item["slug"], defaults={"name": item["name"]})[0]


def _tenant(item: dict[str, Any], workspace: Workspace) -> Tenant:
    return Tenant.objects.get_or_create(
        slug=item["slug"],
        defaults={
            "workspace": workspace,
            "name": item["display_name"],
            "primary_domain": item["primary_domain"],
            "entra_tenant_id": uuid.UUID(item["entra_tenant_id"]),
        },
    )[0]


def _app_registration(
    item: dict[str, Any], workspaces: dict[str, Workspace], tenants: dict[str, Tenant]
) -> AppRegistration:
    return AppRegistration.objects.get_or_create(
        workspace=workspaces[item["workspace"]],
        client_id=uuid.UUID(item["client_id"]),
        defaults={
            "tenant": tenants[item["tenant"]] if item["tenant"] else None,
            "name": item["display_name"],
            "purpose": Purpose(item["purpose"]),
            "credential_set_at": timezone.now(),
            "credential_version": 1,
            **_credential(item),
        },
    )[0]


def _credential(item: dict[str, Any]) -> dict[str, Any]:
    if item["credential_kind"] == "certificate":
        return {
            "credential_kind": CredentialKind.CERTIFICATE,
            "credential_encrypted": secrets.encrypt(item["demo_private_key_pem"]),
            "certificate_pem": item["demo_certificate_pem"],
            "credential_expires_at": datetime.fromisoformat(item["certificate_expires_at"]),
        }
    return {
        "credential_kind": CredentialKind.SECRET,
        "credential_encrypted": secrets.encrypt(item["client_secret"]),
        "credential_expires_at": datetime.fromisoformat(item["client_secret_expires_at"]),
    }


def _connection(item: dict[str, Any], tenant: Tenant, registration: AppRegistration) -> None:
    ProviderConnection.objects.get_or_create(
        tenant=tenant,
        app_registration=registration,
        defaults={
            "label": registration.name,
            "is_default": True,
            "enabled": item["connection"]["enabled"],
        },
    )


def _person(person: Person, workspace: Workspace, tenants: dict[str, Tenant]) -> None:
    user, created = User.objects.get_or_create(
        username=person.username,
        defaults={
            "first_name": person.username.capitalize(),
            "email": f"{person.username}@{workspace.slug}.example",
            "is_staff": True,
        },
    )
    if created:
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
    grants.membership_set(workspace=workspace, user=user, role=person.role, all_tenants=not person.without)
    if not person.without:
        return
    for slug, tenant in tenants.items():
        if tenant.workspace_id == workspace.pk and slug not in person.without:
            grants.entitlement_set(tenant=tenant, user=user, role=person.role)
