"""Clients that speak for a person, in one rendering each."""

from collections.abc import Callable

import pytest
from django.test import Client

from tenantpilot.tenancy.models import User

OUTCOME = "application/vnd.tenantpilot.provider-start-outcome+json"
RUN = "application/vnd.tenantpilot.provider-backed-run-detail+json"
BOOTSTRAP = "application/vnd.tenantpilot.onboarding-bootstrap-start-outcome+json"
HTMX = {"HX-Request": "true"}

As = Callable[..., Client]


@pytest.fixture
def as_() -> As:
    """Return a client for a person (or nobody), whose requests all carry these headers."""

    def client(person: User | None, **headers: str) -> Client:
        made = Client(headers={name.replace("_", "-"): value for name, value in headers.items()})
        if person is not None:
            made.force_login(person)
        return made

    return client
