"""Certificates: made here, or pasted by a person, who is told what is wrong with them."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

VALID_FOR = timedelta(days=365)
CLOCKS_DIFFER = timedelta(minutes=10)


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


def make_certificate(name: str) -> tuple[str, str]:
    """Return a new self-signed certificate and its private key, both as PEM.

    2048 bits and SHA-256: what Entra ID takes; a year, since its key never leaves this installation.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()


def thumbprint(pem: str) -> str:
    """The SHA-1 thumbprint by which the Entra portal shows a certificate."""
    return read_certificate(pem).fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # the portal's own choice
