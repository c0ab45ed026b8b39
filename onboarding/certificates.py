"""Reads what a person pasted as certificate and private key, and says what is wrong with it."""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _


def read_certificate(pem: str) -> x509.Certificate:
    """The certificate in `pem`. Raises ValidationError for anything but one valid RSA certificate."""
    if "PRIVATE KEY" in pem:
        raise ValidationError(_("This holds a private key. Paste only the certificate here."))
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ValidationError(_("This is no certificate in PEM form.")) from None
    # Entra ID takes RSA only: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    if not isinstance(certificate.public_key(), RSAPublicKey):
        raise ValidationError(_("Microsoft accepts RSA certificates only."))
    if certificate.not_valid_after_utc <= timezone.now():
        raise ValidationError(_("This certificate has expired."))
    return certificate


def read_private_key(pem: str) -> RSAPrivateKey:
    """The key in `pem`. Raises ValidationError; its words never hold what was pasted."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValidationError(_("The private key has a password. Paste it without one.")) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValidationError(_("This is no private key in PEM form.")) from None
    if not isinstance(key, RSAPrivateKey):
        raise ValidationError(_("Microsoft accepts RSA keys only."))
    return key


def belongs(key: RSAPrivateKey, certificate: x509.Certificate) -> bool:
    """Whether the key is the certificate's own."""
    public = certificate.public_key()
    return isinstance(public, RSAPublicKey) and public.public_numbers() == key.public_key().public_numbers()


def expires_at(certificate: x509.Certificate) -> datetime:
    """When the certificate ends."""
    return certificate.not_valid_after_utc
