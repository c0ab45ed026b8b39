"""The demo's people and tenants, as the documentation promises them."""

import pytest
from django.conf import LazySettings
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone

from providers import secrets
from providers.models import AppRegistration, ProviderConnection
from tenantpilot.quickstart import demo
from tenantpilot.tenancy.capabilities import ROLE_CAPABILITIES, Role
from tenantpilot.tenancy.models import Tenant, User, Workspace
from tenantpilot.tenancy.permissions import capabilities_on, visible_to

CONTOSO_MSP = {
    "adatum", "contoso", "fabrikam", "litware", "northwind", "relecloud", "tailspin", "wingtip", "woodgrove",
}  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loaded(db: None) -> None:
    demo.load()


def seen_by(username: str) -> set[str]:
    return set(
        visible_to(Tenant.objects.all(), User.objects.get(username=username)).values_list("slug", flat=True)
    )


@pytest.mark.parametrize(
    ("username", "slugs"),
    [
        ("owner", CONTOSO_MSP),
        ("manager", CONTOSO_MSP),
        ("operator", CONTOSO_MSP - {"fabrikam"}),
        ("readonly", CONTOSO_MSP),
        ("outsider", {"proseware"}),
    ],
)
def test_each_person_sees_the_tenants_that_the_readme_names(username: str, slugs: set[str]) -> None:
    assert seen_by(username) == slugs


@pytest.mark.parametrize("role", list(Role))
def test_each_person_may_do_what_the_role_of_the_same_name_may(role: Role) -> None:
    rights = capabilities_on(User.objects.get(username=role.value), Tenant.objects.get(slug="contoso"))
    assert ROLE_CAPABILITIES[role] <= rights
    assert all(rights.isdisjoint(ROLE_CAPABILITIES[other] - ROLE_CAPABILITIES[role]) for other in Role)


@pytest.mark.parametrize("username", ["owner", "manager", "operator", "readonly", "outsider"])
def test_each_person_signs_in_with_the_published_password_and_is_no_superuser(username: str) -> None:
    person = authenticate(username=username, password="tenantpilot-demo")
    assert person is not None
    assert person.is_staff
    assert not person.is_superuser


def test_each_tenant_has_its_connection_and_its_fault() -> None:
    defaults = {one.tenant.slug: one for one in ProviderConnection.objects.filter(is_default=True)}
    assert set(defaults) == CONTOSO_MSP - {"relecloud"} | {"proseware"}
    assert {slug for slug, one in defaults.items() if not one.enabled} == {"adatum"}
    expired = [
        slug for slug, one in defaults.items() if one.app_registration.credential_expires_at < timezone.now()
    ]  # fmt: skip
    assert expired == ["tailspin"]


def test_credentials_are_kept_encrypted() -> None:
    for registration in AppRegistration.objects.all():
        clear = secrets.decrypt(registration.credential_encrypted)
        assert clear.startswith(("demo~", "-----BEGIN PRIVATE KEY-----"))
        assert clear not in registration.credential_encrypted


def test_loading_again_changes_nothing_that_somebody_has_changed() -> None:
    ProviderConnection.objects.filter(tenant__slug="adatum").update(enabled=True)
    person = User.objects.get(username="owner")
    person.set_password("changed-by-somebody")
    person.save()
    before = [
        model.objects.count() for model in (User, Workspace, Tenant, AppRegistration, ProviderConnection)
    ]

    call_command("load_demo")

    assert before == [
        model.objects.count() for model in (User, Workspace, Tenant, AppRegistration, ProviderConnection)
    ]
    assert ProviderConnection.objects.get(tenant__slug="adatum").enabled
    assert authenticate(username="owner", password="changed-by-somebody")


def test_production_does_not_load_published_passwords(settings: LazySettings) -> None:
    settings.ENVIRONMENT = "production"
    with pytest.raises(CommandError, match="not loaded in production"):
        call_command("load_demo")
