"""Which tenant: what may be typed, what the provider makes of it, and who is told what."""

import pytest
from django.core.exceptions import ValidationError

from onboarding.models import OnboardingSession
from onboarding.names import read_name
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant, TenantEntitlement
from tests import factories
from tests.console.rows import signed_in, text_of
from tests.onboarding.conftest import Wizard

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Contoso.COM", "contoso.com"),
        ("  contoso.com. ", "contoso.com"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("0AF008BB-D127-4E0A-B1C0-8B8DA9F2F74F", "0af008bb-d127-4e0a-b1c0-8b8da9f2f74f"),
        ("{0af008bb-d127-4e0a-b1c0-8b8da9f2f74f}", "0af008bb-d127-4e0a-b1c0-8b8da9f2f74f"),
    ],
)
def test_a_domain_or_tenant_id_is_read_as_people_write_it(typed, read):
    assert read_name(typed) == read


@pytest.mark.parametrize(
    "typed",
    [
        "contoso", "common", "ada@contoso.com", "https://contoso.com/", "con toso.com", "-a.com", "a..com",
        "a" * 64 + ".com", ".".join(["abcdefgh"] * 30), "0af008bbd1274e0ab1c08b8da9f2f74f", "\u202ea.com", "a_b.com",
    ],
)  # fmt: skip
def test_what_is_neither_is_refused(typed):
    with pytest.raises(ValidationError):
        read_name(typed)


def errors_of(answer):
    assert answer.status_code == 400
    return {name: [*errors] for name, errors in answer.context["form"].errors.items()}


def test_what_was_found_is_shown_before_a_tenant_is_made(wizard):
    wizard.begin()
    wizard.act("identify", name="alpine.example", cloud="global")
    assert wizard.step() == "identify" and not Tenant.objects.filter(primary_domain="alpine.example").exists()
    wizard.act("add_tenant")
    tenant = Tenant.objects.get(primary_domain="alpine.example")
    assert str(tenant.entra_tenant_id) == wizard.sandbox.tenant("alpine")["tenant_id"]
    assert (tenant.slug, tenant.name) == ("alpine", "alpine.example")
    assert AuditEntry.objects.get(action="tenant.created").actor == wizard.person


def test_a_tenant_id_does_as_well(wizard):
    tenant_id = wizard.sandbox.tenant("alpine")["tenant_id"]
    wizard.identify(tenant_id)
    assert wizard.session.tenant.slug == f"tenant-{tenant_id[:8]}"


def test_no_such_tenant(wizard):
    wizard.begin()
    answer = wizard.act("identify", name="nobody.example", cloud="global")
    assert errors_of(answer) == {"name": ["No tenant uses nobody.example."]}
    assert 'value="nobody.example"' in text_of(answer)


def test_the_provider_does_not_answer(wizard, settings):
    settings.GRAPH_HOST_MAP = {"https://login.microsoftonline.com": "http://127.0.0.1:9"}
    wizard.begin()
    answer = wizard.act("identify", name="alpine.example", cloud="global")
    assert errors_of(answer) == {"name": ["Microsoft did not answer. Try again in a minute."]}


def test_another_cloud_is_named(wizard):
    wizard.sandbox.set("alpine", "cloud", "china")
    wizard.begin()
    answer = wizard.act("identify", name="alpine.example", cloud="global")
    assert errors_of(answer) == {"cloud": ["This tenant lives in the cloud China (21Vianet). Choose that."]}
    wizard.act("identify", name="alpine.example", cloud="china")
    assert wizard.session.cloud == "china"


def test_a_tenant_that_is_here_is_opened_instead(wizard, world):
    tenant_id = wizard.sandbox.tenant("alpine")["tenant_id"]
    factories.make_tenant(world.workspace, "here", entra_tenant_id=tenant_id)
    wizard.begin()
    answer = wizard.act("identify", name="alpine.example", cloud="global")
    assert answer.status_code == 400
    assert "already in this workspace" in text_of(answer) and 'href="/admin/t/here"' in text_of(answer)


def test_who_may_not_see_the_tenant_that_is_here_learns_nothing_of_it(wizard, world):
    tenant_id = wizard.sandbox.tenant("alpine")["tenant_id"]
    factories.make_tenant(world.workspace, "hidden-here", entra_tenant_id=tenant_id)
    person = factories.make_member(world.workspace, Role.MANAGER, all_tenants=False)
    mine = Wizard(wizard.sandbox, signed_in(person), person, wizard.app)
    mine.begin()
    answer = mine.act("identify", name="alpine.example", cloud="global")
    assert "Ask an owner for access." in text_of(answer) and "hidden-here" not in text_of(answer)


def test_a_tenant_that_somebody_is_adding_leads_there(wizard, world):
    wizard.identify()
    first = wizard.pk
    wizard.begin()
    answer = wizard.act("identify", name="alpine.example", cloud="global")
    assert "manager is adding this tenant already." in text_of(answer)
    assert f'href="/admin/onboarding/{first}"' in text_of(answer)


def test_of_two_sessions_that_found_the_same_tenant_one_makes_it(wizard):
    wizard.begin()
    wizard.act("identify", name="alpine.example", cloud="global")
    first = wizard.pk
    wizard.identify()
    wizard.pk = first
    assert wizard.act("add_tenant").status_code == 400
    assert Tenant.objects.filter(primary_domain="alpine.example").count() == 1


def test_another_workspace_may_have_the_tenant_and_nobody_is_told(wizard, world):
    tenant_id = wizard.sandbox.tenant("alpine")["tenant_id"]
    factories.make_tenant(factories.make_workspace("third-msp"), "alpine", entra_tenant_id=tenant_id)
    wizard.identify()
    slug = wizard.session.tenant.slug
    assert slug.startswith("alpine-") and len(slug) == len("alpine-abcd")


def test_who_brings_a_tenant_in_is_entitled_to_it(wizard, world):
    person = factories.make_member(world.workspace, Role.MANAGER, all_tenants=False)
    mine = Wizard(wizard.sandbox, signed_in(person), person, wizard.app)
    mine.identify()
    entitlement = TenantEntitlement.objects.get(user=person)
    assert (entitlement.tenant, entitlement.role) == (mine.session.tenant, Role.MANAGER)
    assert mine.page().status_code == 200
    wizard.pk = mine.pk
    assert not TenantEntitlement.objects.filter(user=wizard.person).exists()
    assert wizard.page().status_code == 200


def test_hostile_input_comes_back_as_text(wizard):
    wizard.begin()
    answer = wizard.act("identify", name="<script>alert(1)</script>", cloud="moon")
    assert set(errors_of(answer)) == {"name", "cloud"}
    assert "<script>alert" not in text_of(answer)
    assert wizard.act("identify").status_code == 400
    assert OnboardingSession.objects.get(pk=wizard.pk).asked == ""
