"""Encrypt every stored credential and all content of backups with the first key of TENANTPILOT_CREDENTIAL_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.backups.rotation import ContentUnreadable, contents_rotate
from providers.services import CredentialUnreadable, credentials_check, credentials_rotate


class Command(BaseCommand):
    help = (
        "Encrypt every stored credential and all content of backups with the first key. Afterwards the other keys can "
        "be removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="open every credential and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = credentials_check() if options["check"] else credentials_rotate()
        except CredentialUnreadable as error:
            words = _("No key opens the credential of %(app)s. Nothing was changed.") % {"app": error}
            raise CommandError(words) from None
        if options["check"]:
            self.stdout.write(
                _("Every key that is needed is there: %(count)d credentials open.") % {"count": count}
            )
            return
        words = ngettext("%(count)s credential is", "%(count)s credentials are", count) % {"count": count}
        self.stdout.write(_("%(what)s encrypted with the first key now.") % {"what": words})
        try:
            contents = contents_rotate()
        except ContentUnreadable as error:
            words = _("No key opens the content %(version)s. Those before it are encrypted anew.")
            raise CommandError(words % {"version": error}) from None
        if contents:
            words = ngettext(
                "%(count)s version of content is", "%(count)s versions of content are", contents
            ) % {"count": contents}
            self.stdout.write(_("%(what)s encrypted with the first key now.") % {"what": words})
