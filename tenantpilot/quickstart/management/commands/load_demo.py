"""Load the demo's people, tenants and connections."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenantpilot.quickstart import demo


class Command(BaseCommand):
    """``manage.py load_demo``: what is already there stays as it is."""

    help = "Load the people, tenants and connections of the demo."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ENVIRONMENT == "production":
            raise CommandError("The demo's passwords are published; it is not loaded in production.")
        demo.load()
        self.stdout.write("The demo is loaded.")
