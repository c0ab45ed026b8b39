"""Backups for pages and rules, written the way the product writes them, without a provider."""

from datetime import datetime
from typing import Any

from providers import catalogue
from providers.backups import store
from providers.backups.store import NewItem, TypeResult
from providers.catalogue import Ref
from providers.choices import BackupKind
from providers.models import Backup, BackupItem
from providers.objects.lookups import Looked
from tenantpilot.tenancy.models import Tenant, User

CATALOG, SCRIPTS, OMA = "configurationPolicies", "deviceHealthScripts", "deviceConfigurations"
GROUP = "6a1d1e60-6b0f-4a8e-9b2e-1f2a4b7f0101"


def setting(name: str, value: Any) -> dict[str, Any]:
    return {"settingInstance": {"settingDefinitionId": name, "simpleSettingValue": {"value": value}}}


def policy(number: int = 1, *, minutes: int = 15, **more: Any) -> NewItem:
    """A settings-catalog policy that is assigned to a group."""
    target = {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": GROUP}
    content = {
        "object": {"name": f"Screen lock {number}", "platforms": "windows10", "roleScopeTagIds": ["0"]},
        "settings": [setting("device_vendor_msft_policy_config_lock_minutes", minutes)],
        "assignments": [{"target": target}],
    }
    return NewItem(f"policy-{number}", f"Screen lock {number}", "", "", content | more)


def secret_configuration(secret: str = "hush") -> NewItem:
    """A device configuration with an encrypted OMA value."""
    value = {"omaUri": "./Vendor/Password", "isEncrypted": True, "value": secret}
    content = {"object": {"displayName": "Proxy", "omaSettings": [value]}, "assignments": []}
    return NewItem("oma-1", "Proxy", "#microsoft.graph.windows10CustomConfiguration", "", content)


def make_backup(
    tenant: Tenant,
    found: dict[str, list[NewItem]] | None = None,
    *,
    unread: dict[str, str] | None = None,
    by: User | None = None,
    at: datetime | None = None,
    kind: BackupKind = BackupKind.BACKUP,
    names: dict[str, str] | None = None,
) -> Backup:
    """A backup of these objects; ``unread`` are types with the code of why they were not read."""
    found = {CATALOG: [policy()]} if found is None else found
    unread = unread or {}
    kinds = [catalogue.get(key) for key in (*found, *unread)]
    writing = store.begin(
        tenant_id=tenant.pk, connection_id=None, run_id=None, kinds=kinds,
        created_by=by.pk if by else None, kind=kind,
    )  # fmt: skip
    for key, items in found.items():
        writing.add(catalogue.get(key), items)
        incomplete = sum(bool(item.incomplete_parts) for item in items)
        writing.type_ended(catalogue.get(key), TypeResult(len(items), incomplete))
    for key, code in unread.items():
        facts = {"permissions": "DeviceManagementScripts.Read.All"}
        writing.type_ended(catalogue.get(key), TypeResult(code=code, facts=facts))
    writing.resolve(
        Looked(Ref.GROUP, key, name, {"displayName": name})
        for key, name in (names or {GROUP: "Pilot"}).items()
    )
    if at is not None:
        Backup.objects.filter(pk=writing.backup.pk).update(created_at=at)
    return writing.complete()


def item_of(backup: Backup, key: str = CATALOG) -> BackupItem:
    return BackupItem.objects.filter(backup=backup, object_type=key).order_by("object_id")[0]
