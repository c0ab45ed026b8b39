"""Tokens that stand for secrets of the settings catalog; one tenant's token means nothing to another."""

from typing import TYPE_CHECKING

from providers.sandbox.ids import derived_guid

if TYPE_CHECKING:
    from providers.sandbox.models import Tenant


def secret_token(tenant: "Tenant", secret: str) -> str:
    return f"{secret}_{derived_guid(tenant.seed, tenant.tenant_id, 'token', secret)}"


def is_token_of(tenant: "Tenant", token: str) -> bool:
    return secret_token(tenant, token.partition("_")[0]) == token
