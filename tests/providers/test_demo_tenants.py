"""The demo's tenants answer as the documentation says, and work once they are mended."""

from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from operations.choices import RunOutcome, StartStatus
from providers import services
from providers.models import AppRegistration
from providers.sandbox.testing import SandboxServer
from tenantpilot.quickstart import demo
from tenantpilot.tenancy.models import Tenant, User
from tests import factories
from tests.providers.conftest import Live

SLUGS = (
    "contoso",
    "fabrikam",
    "litware",
    "northwind",
    "tailspin",
    "woodgrove",
    "wingtip",
    "adatum",
    "relecloud",
)
SCALE = dict.fromkeys(SLUGS, 30)
SYNC = "directory.groups.sync"


@pytest.fixture(scope="module")
def sandbox_server() -> Iterator[SandboxServer]:
    """The demo's own sandbox, small and without its delays."""
    with SandboxServer("demo", delay_per_object_ms=0, scale=SCALE) as server:
        yield server


@pytest.fixture(scope="module")
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        demo.load()
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def tenant(transactional_db: None, sandbox: object, sandbox_server: SandboxServer) -> Callable[[str], Live]:
    def of_demo(slug: str) -> Live:
        tenant = Tenant.objects.get(slug=slug)
        connection = tenant.connections.first()
        manager = User.objects.get(username="manager")
        return Live(sandbox_server.control, slug, tenant, connection, manager, "", "")

    return of_demo


def blocked(live: Live, code: str) -> None:
    outcome = live.start(SYNC)
    assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, code)


def works(live: Live) -> None:
    assert live.check().outcome == RunOutcome.SUCCEEDED
    assert live.sync().outcome == RunOutcome.SUCCEEDED
    assert live.present() == live.sandbox.count(live.slug) == 30


@pytest.mark.parametrize("slug", ["contoso", "fabrikam", "litware"])
def test_the_healthy_ones_are_ready_after_their_first_check(tenant: Callable[[str], Live], slug: str) -> None:
    live = tenant(slug)
    works(live)
    assert live.run("directory.role_definitions.sync").outcome == RunOutcome.SUCCEEDED


def test_northwind_has_not_consented(tenant: Callable[[str], Live]) -> None:
    live = tenant("northwind")
    assert live.check().reason_code == "provider.consent_missing"
    blocked(live, "provider.consent_missing")
    live.sandbox.consent("northwind")
    works(live)


def test_tailspin_s_secret_has_expired(tenant: Callable[[str], Live]) -> None:
    live = tenant("tailspin")
    assert live.check().reason_code == "provider.credential_expired"
    blocked(live, "provider.credential_expired")
    renewed = live.sandbox.add_secret("tailspin")
    services.credential_replace(
        app_registration=live.connection.app_registration,
        secret=renewed,
        expires_at=None,
        actor=live.operator,
    )
    works(live)


def test_woodgrove_may_be_reached_but_not_asked_for_groups(tenant: Callable[[str], Live]) -> None:
    live = tenant("woodgrove")
    run = live.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.PARTIALLY_SUCCEEDED, "provider.permission_missing")
    blocked(live, "provider.permission_missing")
    assert live.run("directory.role_definitions.sync").outcome == RunOutcome.SUCCEEDED
    live.sandbox.consent("woodgrove")
    works(live)


def test_wingtip_does_not_answer(tenant: Callable[[str], Live]) -> None:
    live = tenant("wingtip")
    blocked(live, "provider.connection_unverified")
    assert live.check().reason_code == "provider.unreachable"
    blocked(live, "provider.unreachable")
    live.sandbox.reach("wingtip")
    works(live)


def test_adatum_s_connection_is_disabled(tenant: Callable[[str], Live]) -> None:
    live = tenant("adatum")
    blocked(live, "provider.connection_disabled")
    assert live.start("provider.connection.check").reason_code == "provider.connection_disabled"
    services.connection_enable(connection=live.connection, enabled=True, actor=live.operator)
    works(live)


def test_relecloud_has_no_connection(tenant: Callable[[str], Live]) -> None:
    live = tenant("relecloud")
    blocked(live, "provider.connection_missing")
    shared = AppRegistration.objects.get(workspace=live.tenant.workspace, tenant=None)
    live.connection = factories.make_connection(live.tenant, live.operator, app=shared, ready=False)
    works(live)
