"""As whom we call: an app registration in one tenant, with a secret or a certificate."""

from dataclasses import dataclass, field

from providers.graph.clouds import Cloud


@dataclass(frozen=True)
class ClientSecret:
    """The secret's value, not its id."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class ClientCertificate:
    """Both parts as PEM; the key unencrypted."""

    private_key_pem: str = field(repr=False)
    certificate_pem: str


Credential = ClientSecret | ClientCertificate


@dataclass(frozen=True)
class AppIdentity:
    """An app in a tenant.

    ``cache_key`` names the cached token, for example ``conn:12:v3``. It must change with the credential
    and with consent, so that every worker process lets go of the older token.
    """

    cloud: Cloud
    tenant_id: str
    client_id: str
    credential: Credential
    cache_key: str
