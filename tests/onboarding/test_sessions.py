"""A session's life: who sees it, two people in one, several side by side, handed over, given up."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from onboarding.models import OnboardingSession
from operations.models import OperationRun
from providers.models import AppRegistration, MadeCertificate, ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant
from tests import factories
from tests.console.rows import signed_in, text_of
from tests.onboarding.conftest import Wizard
from tests.onboarding.test_connect import OWN

pytestmark = pytest.mark.django_db


def status(person, url):
    return signed_in(person).get(url).status_code


def test_before_a_tenant_is_named_the_workspace_decides(wizard, world):
    wizard.begin()
    for person, expected in [
        (world.owner, 200),
        (world.manager, 200),
        (world.operator, 403),
        (world.readonly, 403),
        (world.outsider, 404),
    ]:
        assert status(person, wizard.url) == expected, person


def test_once_it_is_named_the_tenant_decides_as_well(wizard, world):
    elsewhere = factories.make_member(world.workspace, Role.MANAGER, all_tenants=False)
    wizard.begin()
    assert status(elsewhere, wizard.url) == 200
    wizard.identify()
    assert status(elsewhere, wizard.url) == 404
    factories.entitle(elsewhere, wizard.session.tenant, Role.OPERATOR)
    assert status(elsewhere, wizard.url) == 403
    factories.entitle(elsewhere, wizard.session.tenant, Role.MANAGER)
    assert status(elsewhere, wizard.url) == 200
    assert status(world.operator, wizard.url) == 404


def test_the_list_shows_what_one_may_go_on_with_and_where_it_stands(wizard, world):
    wizard.ask()
    waiting = wizard.pk
    wizard.begin()
    page = text_of(wizard.client.get("/admin/onboarding"))
    assert "Step 2 of 5: Connect provider" in page and "Step 1 of 5: Identify tenant" in page
    elsewhere = factories.make_member(world.workspace, Role.MANAGER, all_tenants=False)
    seen = text_of(signed_in(elsewhere).get("/admin/onboarding"))
    assert f"/admin/onboarding/{waiting}" not in seen and f"/admin/onboarding/{wizard.pk}" in seen
    assert "/admin/onboarding/" not in text_of(signed_in(world.outsider).get("/admin/onboarding"))
    for person in (world.operator, world.readonly):
        assert signed_in(person).get("/admin/onboarding").status_code == 403
        assert signed_in(person).post("/admin/onboarding").status_code == 403


def test_a_session_begins_only_where_one_may(wizard, world):
    assert wizard.client.post("/admin/onboarding", {"workspace": "other-msp"}).status_code == 404
    assert wizard.client.post("/admin/onboarding").status_code == 302
    assert OnboardingSession.objects.get().workspace == world.workspace


@pytest.mark.parametrize("step", ["connect", "verify", "bootstrap", "done"])
def test_no_step_is_skipped_by_its_address(wizard, step):
    wizard.begin()
    answer = wizard.page(step)
    assert (answer.status_code, answer["Location"]) == (302, wizard.url)
    assert "The step Identify tenant comes first." in text_of(wizard.page())
    wizard.ask()
    if step != "connect":
        assert wizard.page(step)["Location"] == wizard.url
    assert wizard.page("x")["Location"] == wizard.url
    assert wizard.client.get(f"{wizard.url}/live/verify").status_code == 404


def test_no_step_is_skipped_by_its_forms(wizard):
    wizard.begin()
    for act in ("use_app", "bring_app", "new_link", "make_certificate", "leave_out", "finish"):
        wizard.act(act, app_registration=wizard.app.pk, **OWN, kind="secret")
    assert wizard.act("no_such_act").status_code == 302
    session = wizard.session
    assert (session.version, session.tenant, session.state) == (0, None, "open")


def test_a_finished_step_opens_again(wizard):
    wizard.connect()
    assert "What we found" in text_of(wizard.page("identify"))
    assert "Connected" in text_of(wizard.page("connect"))
    assert [step["state"] for step in wizard.page().context["steps"]] == [
        "done",
        "done",
        "now",
        "todo",
        "todo",
    ]


def test_the_second_of_two_people_is_told_and_nothing_is_lost(wizard, world):
    wizard.begin()
    mine, ada = (
        wizard.session.version,
        Wizard(wizard.sandbox, signed_in(world.owner), world.owner, wizard.app),
    )
    ada.pk = wizard.pk
    ada.act("identify", name="alpine.example", cloud="global")
    late = wizard.act("identify", name="contoso.example", cloud="global", version=mine)
    assert late.status_code == 409
    assert "owner was faster. Nothing of yours was saved; this is how it stands." in text_of(late)
    assert "alpine.example" in text_of(late) and wizard.session.asked == "alpine.example"
    assert wizard.act("add_tenant").status_code == 302
    assert wizard.act("add_tenant", version="x").status_code == 409


def test_who_has_ended_it_is_named(wizard, world):
    wizard.begin()
    version = wizard.session.version
    signed_in(world.owner).post(f"{wizard.url}/abandon", {"version": version})
    answer = wizard.act("identify", name="alpine.example", cloud="global", version=version)
    assert "owner has ended this onboarding. Nothing was changed." in text_of(answer)
    assert wizard.page("verify")["Location"] == wizard.url
    assert "This onboarding was abandoned." in text_of(wizard.page())


def test_one_tenant_has_one_open_session(wizard):
    wizard.identify()
    session = wizard.session
    with pytest.raises(IntegrityError), transaction.atomic():
        OnboardingSession.objects.create(
            workspace=session.workspace, tenant=session.tenant, created_by=wizard.person, in_charge=wizard.person,
            changed_by=wizard.person,
        )  # fmt: skip


# Hand over


def test_it_is_handed_over_to_who_may_go_on_with_it(wizard, world):
    wizard.identify()
    page = wizard.client.get(f"{wizard.url}/hand-over")
    assert [one["label"] for one in page.context["colleagues"]] == ["owner"]
    for nobody in (world.operator.pk, world.outsider.pk, "x", ""):
        sent = {"colleague": nobody, "version": wizard.session.version}
        answer = wizard.client.post(f"{wizard.url}/hand-over", sent)
        assert answer.status_code == 400
    version = wizard.session.version
    wizard.client.post(f"{wizard.url}/hand-over", {"colleague": world.owner.pk, "version": version})
    assert wizard.session.in_charge == world.owner
    assert AuditEntry.objects.get(action="onboarding.handed_over").facts == {"to": "owner"}
    assert "In charge: owner" in text_of(wizard.page())
    for late in (world.manager.pk, world.owner.pk):
        answer = wizard.client.post(f"{wizard.url}/hand-over", {"colleague": late, "version": version})
        assert "faster" in text_of(wizard.client.get(answer["Location"]))


# Give it up


def abandon(wizard):
    return wizard.client.post(f"{wizard.url}/abandon", {"version": wizard.session.version})


def test_given_up_at_the_first_step_it_leaves_nothing(wizard):
    wizard.begin()
    assert "Nothing was made yet." in text_of(wizard.client.get(f"{wizard.url}/abandon"))
    assert abandon(wizard)["Location"] == "/admin/onboarding"
    assert wizard.session.state == "abandoned" and wizard.session.ended_at is not None


def test_what_nothing_went_through_is_removed(wizard):
    wizard.ask()
    connection, link = wizard.session.connection_id, wizard.page().context["link"]
    assert "This removes alpine.example" in text_of(wizard.client.get(f"{wizard.url}/abandon"))
    abandon(wizard)
    assert ProviderConnection.objects.get(pk=connection).removed_at is not None
    assert Tenant.objects.get(slug="alpine").deleted_at is not None
    assert "deleted" in text_of(wizard.client.get("/admin/t/alpine"))
    assert AppRegistration.objects.filter(pk=wizard.app.pk).exists()
    assert Client().get(link).status_code == 404
    wizard.ask()
    assert wizard.step() == "connect" and wizard.session.tenant.slug.startswith("alpine-")


def test_an_app_registration_that_the_tenant_brought_goes_with_it(wizard):
    wizard.identify()
    wizard.act("make_certificate")
    wizard.act("bring_app", **OWN, kind="secret")
    app = wizard.session.connection.app_registration
    wizard.act("make_certificate")
    abandon(wizard)
    app.refresh_from_db()
    assert app.credential_encrypted == "" and not MadeCertificate.objects.exists()


def test_what_has_a_history_is_archived(wizard):
    wizard.connect()
    connection = wizard.session.connection
    OperationRun.objects.create(
        tenant=connection.tenant, connection=connection, operation_type="x", op_key="x", scope_key="x",
        origin="console", status="completed", outcome="succeeded", completed_at="2026-01-01T00:00Z",
    )  # fmt: skip
    assert "This archives" in text_of(wizard.client.get(f"{wizard.url}/abandon"))
    abandon(wizard)
    connection.tenant.refresh_from_db()
    assert connection.tenant.archived_at is not None
    assert AuditEntry.objects.get(action="onboarding.abandoned").facts == {"tenant": "archived"}


def test_a_session_that_ended_meanwhile_is_not_given_up_again(wizard):
    wizard.begin()
    abandon(wizard)
    assert "Nothing was changed." in text_of(wizard.client.get(abandon(wizard)["Location"]))
