"""The app registrations that a workspace shares: who sees which, and what is kept of a credential."""

import uuid

import pytest
from cryptography.fernet import Fernet

from providers import secrets, services
from providers.models import AppRegistration
from providers.permissions import PURPOSES, RESTORE_PURPOSES
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.console.rows import signed_in, text_of

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/app-registrations", "/admin/app-registrations/add"
SECRET = "a~Canary.Secret_9"
APP = {
    "name": "TenantPilot",
    "client_id": str(uuid.uuid4()),
    "cloud": "global",
    "purpose": "restore",
    "secret": SECRET,
}


@pytest.fixture
def manager(world):
    return signed_in(world.manager)


def test_the_list_shows_those_that_are_shared(world, manager):
    of_tenant = factories.make_app(world.workspace, world.owner, tenant=world.tenant)
    elsewhere = factories.make_app(factories.make_workspace("third-msp"), world.owner)
    shown = [app["name"] for app in manager.get(LIST).context["apps"]]
    assert shown == [world.connection.app_registration.name]
    assert of_tenant.name not in shown and elsewhere.name not in shown


def test_one_for_restores_is_added_with_its_own_set(world, manager):
    answer = manager.post(f"{ADD}?purpose=restore", APP)
    app = AppRegistration.objects.get(name="TenantPilot")
    assert answer["Location"] == f"{LIST}/{app.pk}"
    assert (app.workspace, app.tenant, app.purpose) == (world.workspace, None, "restore")
    assert secrets.decrypt(app.credential_encrypted) == SECRET
    page = manager.get(answer["Location"])
    assert page.context["permissionList"].split("\n") == [*PURPOSES, *RESTORE_PURPOSES]
    assert SECRET not in text_of(page) and "http://testserver/admin/consent/return" in text_of(page)


def test_it_is_added_where_one_may(world, manager):
    assert manager.get(f"{ADD}?workspace=other-msp").status_code == 404
    assert manager.post(f"{ADD}?workspace=other-msp", APP).status_code == 404
    answer = manager.post(ADD, {**APP, "client_id": "x"})
    assert answer.status_code == 400 and SECRET not in text_of(answer)
    assert not AppRegistration.objects.filter(name="TenantPilot").exists()


def test_only_connections_in_sight_are_named(world):
    person = factories.make_member(world.workspace, Role.MANAGER, all_tenants=False)
    url = f"{LIST}/{world.connection.app_registration_id}"
    page = signed_in(person).get(url)
    assert "Contoso" not in str(page.context["connections"]) and page.context["others"] == 1
    assert signed_in(person).get(f"{url}/credential").status_code == 403
    factories.entitle(person, world.tenant, Role.MANAGER)
    assert [one["label"] for one in signed_in(person).get(url).context["connections"]] == ["Contoso"]
    assert signed_in(person).get(f"{url}/credential").status_code == 200


def test_a_new_credential_wants_a_check_of_every_connection(world, manager):
    url = f"{LIST}/{world.connection.app_registration_id}/credential"
    assert manager.post(url, {"secret": SECRET}).status_code == 302
    world.connection.refresh_from_db()
    assert world.connection.verified_at is None
    assert secrets.decrypt(world.connection.app_registration.credential_encrypted) == SECRET


def test_the_keys_of_made_certificates_are_rotated_as_well(world, settings):

    made = services.certificate_made(
        workspace=world.workspace, certificate_pem="PEM", private_key_pem="KEY", actor=world.owner
    )
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode(), *settings.CREDENTIAL_KEYS]
    services.credentials_rotate()
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS[:1]
    made.refresh_from_db()
    assert secrets.decrypt(made.private_key_encrypted) == "KEY"
