"""How people name a tenant: by a domain, in any script, or by its tenant id."""

import re
from uuid import UUID

import idna
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MAX_LENGTH = 253
_GUID = re.compile(r"\{?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\}?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def read_name(text: str) -> str:
    """Return a tenant id or a domain in the form the provider knows it. Raises ValidationError."""
    name = text.strip().lower().rstrip(".")
    if "@" in name or "/" in name:
        raise ValidationError(_("Write the domain alone, such as contoso.com."))
    if match := _GUID.fullmatch(name):
        return str(UUID(match[1]))
    return _domain(name)


def is_tenant_id(name: str) -> bool:
    """Whether the name is a tenant id."""
    return _GUID.fullmatch(name) is not None


def _domain(name: str) -> str:
    try:
        ascii_name = name if name.isascii() else idna.encode(name, uts46=True, transitional=False).decode()
    except idna.IDNAError:
        raise ValidationError(_("This domain has characters that no domain has.")) from None
    labels = ascii_name.split(".")
    if len(ascii_name) > MAX_LENGTH or any(len(label) > 63 for label in labels):
        raise ValidationError(_("This domain is too long."))
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValidationError(_("Write a domain, such as contoso.com, or a tenant ID."))
    return ascii_name
