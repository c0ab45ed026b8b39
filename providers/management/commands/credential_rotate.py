"""Encrypt every stored credential with the first key of TENANTPILOT_CREDENTIAL_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.services import CredentialUnreadable, credentials_rotate


class Command(BaseCommand):
    help = "Encrypt every stored credential with the first key. Afterwards the other keys can be removed."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = credentials_rotate()
        except CredentialUnreadable as error:
            words = _("No key opens the credential of %(app)s. Nothing was changed.") % {"app": error}
            raise CommandError(words) from None
        words = ngettext("%(count)s credential is", "%(count)s credentials are", count) % {"count": count}
        self.stdout.write(_("%(what)s encrypted with the first key now.") % {"what": words})
