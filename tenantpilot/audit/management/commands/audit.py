from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenantpilot.audit import chain, grants, seals


class Command(BaseCommand):
    help = "Verify the audit log, or print the grants of a role that can't change it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        parts.add_parser("seal", help="Seal run events now; beat does it each minute.")
        verify = parts.add_parser("verify", help="Walk the hash chain and say where it breaks.")
        verify.add_argument(
            "--expect", default="", metavar="SEQ:HASH", help="a last link that was noted elsewhere"
        )
        roles = parts.add_parser("grants", help="Print the SQL that lets ROLE serve the console.")
        roles.add_argument("role", metavar="ROLE")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["part"] == "grants":
            self.stdout.write(grants.statements(options["role"]))
        elif options["part"] == "seal":
            self.stdout.write(f"{seals.seal()} run events sealed.")
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
        events, upto = 0, 0
        for seal in seals.check():
            events, upto = events + seal.count, seal.upto
            if seal.wrong:
                breaks += 1
                self.stdout.write(
                    f"Run events {seal.after + 1} to {seal.upto} (entry {seal.entry_id}): {seal.wrong}."
                )
        if not met:
            breaks += 1
            self.stdout.write(f"The expected link {expected} is not in the chain.")
        if breaks:
            raise CommandError(f"The audit log was changed: {breaks} breaks in {count} links.")
        waiting, _age = seals.waiting()
        self.stdout.write(
            f"{events} run events sealed, unbroken, up to event {upto}. {waiting} wait for the next seal."
        )
        self.stdout.write(f"{count} entries, unbroken. Last link: {last}")
