"""Paths of tenants, their directory and their provider connections."""

from django.urls import include, path

from providers import urls_restore
from providers.views import (
    compliance,
    compliance_devices,
    connections,
    directory,
    directory_exports,
    exports,
    inventory,
    inventory_changes,
    inventory_objects,
    tenants,
)
from tenantpilot.console.pages import page_path

urlpatterns = [
    *urls_restore.urlpatterns,
    *page_path("tenants", tenants.tenant_list, "tenants"),
    *page_path("t/<slug:tenant>", tenants.tenant_detail, "tenant"),
    *page_path("t/<slug:tenant>/directory/groups", directory.group_list, "directory_groups"),
    *page_path(
        "t/<slug:tenant>/directory/role-definitions",
        directory.role_definition_list,
        "directory_role_definitions",
    ),
    path(
        "t/<slug:tenant>/directory/groups/export",
        directory_exports.group_export,
        name="directory_groups_export",
    ),
    path(
        "t/<slug:tenant>/directory/role-definitions/export",
        directory_exports.role_definition_export,
        name="directory_role_definitions_export",
    ),
    *page_path("t/<slug:tenant>/inventory", inventory.inventory, "inventory"),
    *page_path("t/<slug:tenant>/inventory/objects", inventory_objects.inventory_objects, "inventory_objects"),
    path("t/<slug:tenant>/inventory/export", inventory_objects.inventory_export, name="inventory_export"),
    *page_path("t/<slug:tenant>/inventory/changes", inventory_changes.inventory_changes, "inventory_changes"),
    # An id is the provider's: it may hold a slash.
    path(
        "t/<slug:tenant>/inventory/<str:object_type>/<path:object_id>",
        inventory_objects.inventory_object,
        name="inventory_object",
    ),
    *page_path("t/<slug:tenant>/compliance", compliance.compliance, "compliance"),
    *page_path(
        "t/<slug:tenant>/compliance/devices", compliance_devices.compliance_devices, "compliance_devices"
    ),
    path(
        "t/<slug:tenant>/compliance/devices/export",
        compliance_devices.compliance_export,
        name="compliance_export",
    ),
    path(
        "t/<slug:tenant>/compliance/devices/<path:device>",
        compliance_devices.compliance_device,
        name="compliance_device",
    ),
    *page_path("t/<slug:tenant>/compliance/policies", compliance.compliance_policies, "compliance_policies"),
    path("tenants/export", exports.tenant_export, name="tenants_export"),
    *page_path("provider-connections", connections.connection_list, "connections"),
    path("provider-connections/export", exports.connection_export, name="connections_export"),
    *page_path("provider-connections/<int:connection>", connections.connection_detail, "connection"),
    path(
        "provider-connections/<int:connection>/enable",
        connections.connection_enable,
        name="connection_enable",
    ),
    *page_path(
        "provider-connections/<int:connection>/disable", connections.connection_disable, "connection_disable"
    ),
    path(
        "provider-connections/<int:connection>/default",
        connections.connection_default,
        name="connection_default",
    ),
    path("", include("providers.urls_backups")),
]
