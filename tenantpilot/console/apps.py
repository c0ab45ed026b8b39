"""App configurations: the console itself, and Django's admin with our site as the default one."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    default = True
    name = "tenantpilot.console"
    label = "console"
    verbose_name = _("Console")


class ConsoleAdminConfig(admin_apps.SimpleAdminConfig):
    """Listed in INSTALLED_APPS in place of ``django.contrib.admin``.

    No autodiscovery: admin modules of third-party apps know nothing of workspaces and tenants,
    so their pages would be a way around the rights of this product.
    """

    default_site = "tenantpilot.console.sites.ConsoleSite"
