"""Paths of tenants, their directory and their provider connections."""

from django.urls import path

from providers.views import connections, directory, directory_exports, exports, tenants
from tenantpilot.console.pages import page_path

urlpatterns = [
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
]
