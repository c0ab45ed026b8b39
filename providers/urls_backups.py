"""Paths of a tenant's backups."""

from providers.views import backup_changes, backup_items, backup_retention, backup_transfer, backups
from tenantpilot.console.pages import page_path

_ROOT = "t/<slug:tenant>/backups"

urlpatterns = [
    *page_path(_ROOT, backups.backup_list, "backups"),
    *page_path(f"{_ROOT}/import", backup_transfer.backup_import, "backup_import"),
    *page_path(f"{_ROOT}/retention", backup_retention.backup_retention, "backup_retention"),
    *page_path(f"{_ROOT}/<int:backup>", backups.backup_detail, "backup"),
    *page_path(f"{_ROOT}/<int:backup>/changes", backup_changes.backup_changes, "backup_changes"),
    *page_path(f"{_ROOT}/<int:backup>/export", backup_transfer.backup_export, "backup_export"),
    *page_path(f"{_ROOT}/<int:backup>/items/<int:item>", backup_items.item_detail, "backup_item"),
    *page_path(f"{_ROOT}/live/<int:item>", backup_items.live_diff, "backup_live"),
    *page_path(f"{_ROOT}/diff/<int:before>/<int:after>", backup_items.version_diff, "backup_diff"),
    *page_path(
        f"{_ROOT}/objects/<slug:object_type>/<str:object_id>", backup_items.object_history, "backup_object"
    ),
]
