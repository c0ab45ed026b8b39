"""Secrets at rest: encrypted with MultiFernet, the first key writes, every key reads."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(clear: str) -> str:
    """Return ``clear`` encrypted with the first of ``CREDENTIAL_KEYS``."""
    return _fernet(tuple(settings.CREDENTIAL_KEYS)).encrypt(clear.encode()).decode()


def decrypt(token: str) -> str:
    """Return the clear text. Raises ValueError when none of the keys fits."""
    try:
        return _fernet(tuple(settings.CREDENTIAL_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise ValueError("No key of TENANTPILOT_CREDENTIAL_KEYS opens this credential.") from None


def rotate(token: str) -> str:
    """Return the same secret encrypted with the first key. Raises ValueError when none of the keys fits."""
    return encrypt(decrypt(token))


def encrypt_bytes(clear: bytes) -> bytes:
    """Return ``clear`` encrypted like a secret, without the text form of its token: a quarter less to store."""
    return base64.urlsafe_b64decode(_fernet(tuple(settings.CREDENTIAL_KEYS)).encrypt(clear))


def decrypt_bytes(stored: bytes) -> bytes:
    """Return the clear bytes. Raises ValueError when none of the keys fits."""
    try:
        return _fernet(tuple(settings.CREDENTIAL_KEYS)).decrypt(base64.urlsafe_b64encode(stored))
    except InvalidToken:
        raise ValueError("No key of TENANTPILOT_CREDENTIAL_KEYS opens this content.") from None
