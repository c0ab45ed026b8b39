"""Nothing of a deleted tenant is left by oversight: every model that leads to one has its place here."""

from tenantpilot.lifecycle.parts import AUDIT, KEPT, belongings, parts

# A new model that leads to a tenant is deleted with it by itself. Add it here, or to parts.AUDIT with the reason.
DELETED = {
    "onboarding.ConsentRequest",
    "onboarding.OnboardingSession",
    "operations.Notification",
    "providers.Backup",
    "providers.BackupItem",
    "providers.BackupReference",
    "providers.ComplianceDevice",
    "providers.ComplianceSnapshot",
    "providers.ContentVersion",
    "providers.DevicePolicies",
    "providers.DirectoryCollection",
    "providers.DirectoryGroup",
    "providers.InventoryObject",
    "providers.InventoryRead",
    "providers.LiveVersion",
    "providers.ObjectChange",
    "providers.RestorePlan",
    "providers.RestorePlanItem",
    "providers.RestoreResult",
    "providers.RestoreRun",
    "providers.RestoreSecret",
    "providers.RestoreSelection",
    "providers.RestoreStep",
    "providers.RetentionRule",
    "providers.RoleDefinition",
    "providers.TargetMapping",
    "tenancy.Invitation_tenants",
    "tenancy.TenantEntitlement",
    "tenancy.TenantGroupObjectPermission",
}


def test_every_model_that_leads_to_a_tenant_is_deleted_or_kept_on_purpose():
    assert {model._meta.label for model in belongings()} == DELETED | KEPT
    assert {part.model._meta.label for part in parts()} == DELETED


def test_what_points_to_something_is_deleted_before_it():
    order = [part.model._meta.label for part in parts()]
    for part in parts():
        for field in belongings()[part.model]:
            target = field.related_model._meta.label
            if target in order and target != part.model._meta.label and not field.null:
                assert order.index(part.model._meta.label) < order.index(target), field


def test_nothing_that_is_kept_points_to_what_is_deleted():
    for model, fields in belongings().items():
        targets = {field.related_model._meta.label for field in fields}
        if model._meta.label in AUDIT:
            assert targets <= KEPT, f"{model._meta.label} would keep its tenant from being deleted"


def test_each_part_knows_every_way_to_its_tenant():
    ways = {part.model._meta.label: part.paths for part in parts()}
    assert ways["providers.DirectoryCollection"] == ("tenant",)
    assert ways["providers.DirectoryGroup"] == ("collection__tenant",)
    assert ways["operations.Notification"] == ("run__tenant", "app_registration__tenant", "tenant")
    assert ways["providers.TargetMapping"] == ("source_tenant", "target_tenant")
    assert ways["providers.RestorePlanItem"] == ("plan__restore_run__tenant",)


def test_each_part_knows_what_another_tenant_may_point_to():
    parts_of = {part.model._meta.label: part for part in parts()}

    def named(keys):
        return {(model._meta.label, name) for model, name in keys}

    assert ("providers.RestoreRun", "backup") in named(parts_of["providers.Backup"].holders)
    assert ("providers.RestorePlanItem", "source_item") in named(parts_of["providers.BackupItem"].pointers)
