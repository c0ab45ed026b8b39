"""The first start in production: a workspace and its owner, and nothing of the demo."""

import getpass
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenantpilot.tenancy import setup


class Command(BaseCommand):
    help = (
        "Makes a workspace and its owner. Asks for what the options don't say. The password is asked for, or read "
        "from standard input with --password-stdin; never from the command line, where others could read it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", help="name of the workspace")
        parser.add_argument("--slug", help="short name in addresses: small letters, digits, hyphens")
        parser.add_argument("--owner", help="name the owner signs in with")
        parser.add_argument("--email", default="", help="e-mail address of the owner")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input, one line"
        )
        parser.add_argument(
            "--another",
            action="store_true",
            help="make one more workspace; an owner who exists is kept as is",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        another = bool(options["another"])
        if not another and setup.workspace_exists():
            raise CommandError("A workspace exists. Use --another to make one more.")
        name = options["workspace"] or self._ask("Name of the workspace", "--workspace")
        owner = options["owner"] or self._ask("Name the owner signs in with", "--owner")
        password = ""
        if setup.owner_named(owner) is None:
            password = self._password(from_stdin=options["password_stdin"])
        try:
            workspace = setup.workspace_set_up(
                name=name,
                slug=options["slug"] or setup.slug_for(name),
                username=owner,
                email=options["email"],
                password=password,
                another=another,
            )
        except setup.AlreadySetUp:
            raise CommandError("A workspace exists. Use --another to make one more.") from None
        except ValidationError as error:
            raise CommandError("\n".join(setup.refusals(error))) from None
        self.stdout.write(f"{workspace.name} ({workspace.slug}) is set up. Sign in as {owner}.")

    def _ask(self, question: str, option: str) -> str:
        if not sys.stdin.isatty():
            raise CommandError(f"{option} is missing.")
        return input(f"{question}: ").strip()

    def _password(self, *, from_stdin: bool) -> str:
        if from_stdin:
            return sys.stdin.readline().rstrip("\r\n")
        if not sys.stdin.isatty():
            raise CommandError("Nobody can be asked for the password. Use --password-stdin.")
        password = getpass.getpass("Password of the owner: ")
        if getpass.getpass("Again: ") != password:
            raise CommandError("The two passwords differ.")
        return password
