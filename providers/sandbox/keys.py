"""The key that signs access tokens; kept in the state directory so that tokens survive a restart."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

REMEMBERED_TOKENS = 512


@dataclass
class SigningKey:
    private: rsa.RSAPrivateKey
    _verified: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def for_directory(cls, directory: Path | None) -> "SigningKey":
        """The key of a state directory, made on first use; without one, a key of this process."""
        if directory is None:
            return cls(_process_key())
        path = directory / "signing.key"
        if path.exists():
            loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
            if isinstance(loaded, rsa.RSAPrivateKey):
                return cls(loaded)
        key = _new_key()
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cls(key)

    def sign(self, claims: dict[str, Any], headers: dict[str, str]) -> str:
        return jwt.encode(claims, self.private, algorithm="RS256", headers=headers)

    def public_jwk(self) -> dict[str, Any]:
        """The public key as the keys document lists it."""
        numbers = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**numbers, "use": "sig", "kid": "sandbox", "alg": "RS256"}

    def read(self, token: str) -> dict[str, Any] | None:
        """Claims of a token this key signed, expired or not; None for anything else."""
        known = self._verified.get(token)
        if known is not None:
            return known
        options: Any = {"verify_exp": False, "verify_aud": False, "verify_nbf": False, "verify_iat": False}
        try:
            claims = jwt.decode(token, self.private.public_key(), algorithms=["RS256"], options=options)
        except jwt.PyJWTError:
            return None
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = claims
        return claims


@cache
def _process_key() -> rsa.RSAPrivateKey:
    return _new_key()


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
