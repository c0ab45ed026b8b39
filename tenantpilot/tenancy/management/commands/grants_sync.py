"""Bring groups, permissions and their members in line with memberships, entitlements and roles."""

from typing import Any

from django.core.management.base import BaseCommand

from tenantpilot.tenancy.grants_sync import sync


class Command(BaseCommand):
    help = "Makes every right anew from memberships, entitlements and roles. Says what it changed."

    def handle(self, *args: Any, **options: Any) -> None:
        done = sync()
        self.stdout.write(
            f"Groups made: {done.groups}. Permissions added: {done.grants_added}, removed: {done.grants_removed}. "
            f"People added to groups: {done.members_added}, removed: {done.members_removed}."
        )
