"""The client against the Graph sandbox: a server that was not written for it, over real sockets."""

import json
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.graph import errors
from providers.graph.auth import TokenSource, roles
from providers.graph.client import BatchRequest, GraphClient
from providers.graph.clouds import Cloud
from providers.graph.credentials import AppIdentity, ClientCertificate, ClientSecret
from providers.graph.retry import RetryPolicy
from providers.graph.transport import Transport
from providers.sandbox.testing import SandboxServer
from tests.graph.workers import read_groups_for

DEMO = json.loads(Path("tenantpilot/quickstart/demo_data.json").read_text("utf-8"))
QUICK = RetryPolicy(tries=2, base=0.05, cap=0.1, total_wait=5)


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer("demo", delay_per_object_ms=0, scale={"contoso": 350}) as server:
        yield server


@pytest.fixture
def sandbox(running) -> SandboxServer:
    running.control.reset()
    return running


@pytest.fixture
def transport(sandbox) -> Iterator[Transport]:
    opened = Transport(sandbox.host_map, connect_timeout=1, read_timeout=2)
    yield opened
    opened.close()


@pytest.fixture
def tokens(transport) -> TokenSource:
    return TokenSource(transport)


@pytest.fixture
def connect(transport, tokens):
    def connect(tenant: str, **options) -> GraphClient:
        return GraphClient(
            identity_of(tenant), transport=transport, tokens=tokens, **{"retry": QUICK, **options}
        )

    return connect


def identity_of(slug: str) -> AppIdentity:
    tenant = next(each for each in DEMO["tenants"] if each["slug"] == slug)
    app = next(each for each in DEMO["app_registrations"] if each["key"] == tenant["app_registration"])
    if app["client_secret"]:
        credential = ClientSecret(app["client_secret"])
    else:
        credential = ClientCertificate(app["demo_private_key_pem"], app["demo_certificate_pem"])
    return AppIdentity(
        Cloud.GLOBAL, tenant["entra_tenant_id"], app["client_id"], credential, f"conn:{slug}:v1"
    )


def test_organization_is_the_tenant_that_was_asked_for(connect):
    contoso = connect("contoso")
    (organization,) = contoso.get("/organization")["value"]
    assert organization["id"] == contoso.identity.tenant_id


def test_certificate_opens_a_tenant_as_a_secret_does(connect):
    fabrikam = connect("fabrikam")
    assert fabrikam.get("/organization")["value"][0]["id"] == fabrikam.identity.tenant_id


def test_every_group_is_read_once_over_all_pages(sandbox, connect):
    pages = list(connect("contoso").pages("/groups", select=["id", "displayName"], count=True))
    read = [group["id"] for page in pages for group in page.value]
    assert len(pages) == 4
    assert pages[0].count == len(read) == 350
    assert set(read) == {group["id"] for group in sandbox.control.groups("contoso")}


def test_delta_tells_what_changed_since_its_link(sandbox, connect):
    contoso = connect("contoso")
    first = list(contoso.delta("/groups", select=["id", "displayName"]))
    assert sum(len(page.value) for page in first) == 350
    sandbox.control.set("contoso", "replay_deltas", False)
    gone = sandbox.control.delete_group("contoso", "Finance")
    new = sandbox.control.add_group("contoso", "Newcomers")
    changed = {
        item["id"]: item
        for page in contoso.delta("/groups", link=first[-1].delta_link)
        for item in page.value
    }
    assert "@removed" in changed[gone]
    assert changed[new]["displayName"] == "Newcomers"
    assert len(changed) == 2


def test_expired_delta_link_is_told_apart(sandbox, connect):
    contoso = connect("contoso")
    *_, last = contoso.delta("/groups", select="id")
    sandbox.control.reset_deltas("contoso")
    with pytest.raises(errors.DeltaExpired):
        list(contoso.delta("/groups", link=last.delta_link))


def test_batch_reads_what_single_requests_read(sandbox, connect):
    contoso = connect("contoso")
    groups = [group["id"] for group in sandbox.control.groups("contoso")[:23]]
    found = contoso.batch([BatchRequest(each, f"/groups/{each}?$select=id") for each in groups])
    assert [each.body["id"] for each in found] == [each.id for each in found] == groups


def test_part_of_a_batch_that_is_throttled_succeeds_later(sandbox, connect):
    contoso = connect("contoso")
    groups = [group["id"] for group in sandbox.control.groups("contoso")[:3]]
    sandbox.control.fault(
        kind="status", status=429, batch=True, path=f"groups/{groups[1]}", times=1, retry_after="0.2"
    )
    found = contoso.batch([BatchRequest(each, f"/groups/{each}") for each in groups])
    assert [each.status for each in found] == [200, 200, 200]
    assert contoso.meter.snapshot()["requests"] == 2
    assert contoso.meter.snapshot()["throttledSeconds"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("tenant", "kind", "reason"),
    [
        ("northwind", errors.ConsentMissing, "provider.consent_missing"),
        ("tailspin", errors.CredentialRefused, "provider.credential_expired"),
        ("woodgrove", errors.Forbidden, "provider.permission_missing"),
        ("wingtip", errors.Unreachable, "provider.unreachable"),
    ],
)
def test_broken_tenants_of_the_demo_say_what_is_wrong(connect, tenant, kind, reason):
    with pytest.raises(kind) as caught:
        list(connect(tenant).pages("/groups"))
    assert caught.value.reason_code == reason


def test_intune_names_the_permissions_of_which_one_would_do(sandbox, connect):
    sandbox.control.revoke(
        "contoso", ["DeviceManagementRBAC.Read.All", "DeviceManagementConfiguration.Read.All"]
    )
    with pytest.raises(errors.Forbidden) as caught:
        list(connect("contoso").pages("/deviceManagement/roleDefinitions"))
    assert "DeviceManagementRBAC.Read.All" in caught.value.scopes
    assert caught.value.reason_code == "provider.permission_missing"


def test_unknown_tenant_and_wrong_secret_are_told_apart(tokens):
    contoso = identity_of("contoso")
    stranger = AppIdentity(
        contoso.cloud, "11111111-2222-4333-8444-555555555555", contoso.client_id, contoso.credential, "a"
    )
    with pytest.raises(errors.TenantUnknown):
        tokens.token(stranger)
    wrong = AppIdentity(contoso.cloud, contoso.tenant_id, contoso.client_id, ClientSecret("wrong"), "b")
    with pytest.raises(errors.CredentialRefused) as caught:
        tokens.token(wrong)
    assert caught.value.reason_code == "provider.credential_invalid"


def test_new_consent_shows_after_the_token_was_dropped(sandbox, tokens):
    woodgrove = identity_of("woodgrove")
    assert "GroupMember.Read.All" not in roles(tokens.token(woodgrove))
    sandbox.control.grant("woodgrove", ["GroupMember.Read.All"])
    tokens.drop(woodgrove.cache_key)
    assert "GroupMember.Read.All" in roles(tokens.token(woodgrove))


def test_token_that_expires_in_the_middle_of_a_chain_is_renewed(sandbox, connect):
    pages = connect("contoso").pages("/groups")
    read = len(next(pages).value)
    sandbox.control.expire_tokens("contoso")
    assert read + sum(len(page.value) for page in pages) == 350


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "truncate"}, {"status": 503}, {"status": 504}])
def test_passing_fault_in_the_middle_of_a_chain_costs_one_retry_and_no_group(sandbox, connect, fault):
    sandbox.control.fault(path="groups", page=2, times=1, **fault)
    contoso = connect("contoso")
    assert sum(len(page.value) for page in contoso.pages("/groups")) == 350
    assert contoso.meter.snapshot()["retries"] == 1


@pytest.mark.parametrize("kind", ["empty_page", "short_page"])
def test_empty_and_short_pages_are_not_the_end(sandbox, connect, kind):
    sandbox.control.fault(kind=kind, path="groups", page=2, times=1)
    pages = list(connect("contoso").pages("/groups"))
    assert len({group["id"] for page in pages for group in page.value}) == 350
    assert min(len(page.value) for page in pages) < 50


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "drop"}, errors.Unreachable),
        ({"kind": "truncate"}, errors.ResponseInvalid),
        ({"status": 503}, errors.ServerError),
        ({"kind": "revoke_consent"}, errors.GraphError),
    ],
)
def test_lasting_fault_in_the_middle_of_a_chain_is_raised_and_never_looks_like_its_end(
    sandbox, connect, fault, kind
):
    sandbox.control.fault(path="groups", page=2, **fault)
    pages = connect("contoso").pages("/groups")
    next(pages)
    with pytest.raises(kind):
        list(pages)


def test_two_workers_on_a_throttled_tenant_stay_under_its_limit_together(sandbox, redis_url):
    """Litware's limit is 40 units in 10 s; a page of groups costs one."""
    spawn = multiprocessing.get_context("spawn")
    work = (11.5, identity_of("litware"), sandbox.host_map, redis_url)
    workers = [spawn.Process(target=read_groups_for, args=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(30)
    assert [each.exitcode for each in workers] == [0, 0]
    answers = sandbox.control.counts("litware", "graph")
    assert sum(answers.values()) >= 35
    assert sandbox.control.share(429, "litware") < 0.01
    assert most_in_a_window(sandbox.control.log("litware", 1000), 10.0) <= 40


def most_in_a_window(log: list[dict], seconds: float) -> int:
    times = [entry["time"] for entry in log if entry["service"] == "graph"]
    return max(sum(start <= each < start + seconds for each in times) for start in times)


def test_429_without_a_usable_wait_is_backed_off(sandbox, connect):
    sandbox.control.throttle("contoso", 2, window_s=0.6, retry_after="missing")
    contoso = connect("contoso", retry=RetryPolicy(base=0.3, cap=1.2, total_wait=20))
    started = time.monotonic()
    assert sum(len(page.value) for page in contoso.pages("/groups")) == 350
    assert time.monotonic() - started > 0.3
    assert contoso.meter.snapshot()["throttledSeconds"] > 0
