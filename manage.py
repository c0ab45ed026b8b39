#!/usr/bin/env python
"""Django's command line for TenantPilot."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenantpilot.settings")
    if sys.argv[1:] == ["credential_key"]:
        # The settings can't be read before there is a key.
        from cryptography.fernet import Fernet

        sys.stdout.write(f"{Fernet.generate_key().decode()}\n")
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
