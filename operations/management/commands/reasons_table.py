"""Write docs/reasons.md anew."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import translation

from operations import catalogue


class Command(BaseCommand):
    help = "Write docs/reasons.md: every reason, and the closed lists of kinds and action types."

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            (settings.BASE_DIR / "docs" / "reasons.md").write_text(catalogue.page())
