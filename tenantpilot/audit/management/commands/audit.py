from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenantpilot.audit import chain, grants


class Command(BaseCommand):
    help = "Verify the audit log, or print the grants of a role that can't change it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        verify = parts.add_parser("verify", help="Walk the hash chain and say where it breaks.")
        verify.add_argument(
            "--expect", default="", metavar="SEQ:HASH", help="a last link that was noted elsewhere"
        )
        roles = parts.add_parser("grants", help="Print the SQL that lets ROLE serve the console.")
        roles.add_argument("role", metavar="ROLE")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["part"] == "grants":
            self.stdout.write(grants.statements(options["role"]))
        else:
            self._verify(options["expect"])

    def _verify(self, expected: str) -> None:
        breaks, count, last, met = 0, 0, "none", not expected
        for link in chain.walk():
            count, last = count + 1, f"{link.seq}:{link.hash}"
            met = met or last == expected
            if link.wrong:
                breaks += 1
                self.stdout.write(f"Link {link.seq} (entry {link.entry_id}): {link.wrong}.")
        for entry_id in chain.loose_entries():
            breaks += 1
            self.stdout.write(f"Entry {entry_id}: in no chain.")
        if not met:
            breaks += 1
            self.stdout.write(f"The expected link {expected} is not in the chain.")
        if breaks:
            raise CommandError(f"The audit log was changed: {breaks} breaks in {count} links.")
        self.stdout.write(f"{count} entries, unbroken. Last link: {last}")
