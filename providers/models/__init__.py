"""How we reach a customer's tenant, and what we have read there."""

from providers.models.backup import (
    Backup,
    BackupItem,
    BackupReference,
    ContentVersion,
    LiveVersion,
    RetentionRule,
)
from providers.models.compliance import ComplianceDevice, ComplianceSnapshot, DevicePolicies
from providers.models.connection import AppRegistration, MadeCertificate, ProviderConnection
from providers.models.directory import DirectoryCollection, DirectoryGroup, RoleDefinition
from providers.models.inventory import InventoryObject, InventoryRead, ObjectChange
from providers.models.restore import (
    RestorePlan,
    RestorePlanItem,
    RestoreResult,
    RestoreRun,
    RestoreSecret,
    RestoreSelection,
    RestoreStep,
    TargetMapping,
)

__all__ = [
    "AppRegistration",
    "Backup",
    "BackupItem",
    "BackupReference",
    "ComplianceDevice",
    "ComplianceSnapshot",
    "ContentVersion",
    "DevicePolicies",
    "DirectoryCollection",
    "DirectoryGroup",
    "InventoryObject",
    "InventoryRead",
    "LiveVersion",
    "MadeCertificate",
    "ObjectChange",
    "ProviderConnection",
    "RestorePlan",
    "RestorePlanItem",
    "RestoreResult",
    "RestoreRun",
    "RestoreSecret",
    "RestoreSelection",
    "RestoreStep",
    "RetentionRule",
    "RoleDefinition",
    "TargetMapping",
]
