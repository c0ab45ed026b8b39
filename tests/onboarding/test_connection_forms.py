"""Forms of a connection: what is refused and why, what is kept after an error, and what is never shown again."""

import datetime as dt
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from django.utils import timezone

from providers import secrets
from providers.models import AppRegistration, ProviderConnection
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant
from tests import factories
from tests.console.rows import signed_in, text_of

pytestmark = pytest.mark.django_db

ADD = "/admin/t/contoso/connections/add"
EDIT = "/admin/t/contoso/edit"
SECRET = "a~Canary.Secret_9"
OWN = {"name": "Contoso's own", "client_id": str(uuid.uuid4()), "cloud": "global"}


def pem_of(key, password=None):
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, protection).decode()


def certificate_of(key, days=365):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TenantPilot")])
    now = timezone.now().replace(microsecond=0)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - dt.timedelta(days=400))
    made = builder.not_valid_after(now + dt.timedelta(days=days)).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def replace(world):
    return f"/admin/provider-connections/{world.connection.pk}/secret"


@pytest.fixture
def manager(world):
    return signed_in(world.manager)


def errors_of(answer):
    assert answer.status_code == 400
    return {name: list(errors) for name, errors in answer.context["form"].errors.items()}


def test_forms_are_for_managers_and_hidden_from_outsiders(world, replace):
    for url in (ADD, EDIT, replace):
        for person, status in [
            (world.owner, 200),
            (world.manager, 200),
            (world.operator, 403),
            (world.readonly, 403),
            (world.outsider, 404),
        ]:
            assert signed_in(person).get(url).status_code == status, (url, person)
            if status != 200:
                assert signed_in(person).post(url, {}).status_code == status
        assert "You need Manager on this tenant." in text_of(signed_in(world.operator).get(url))


# Add a connection


def test_a_shared_app_registration_connects_the_tenant(world, manager):
    app = factories.make_app(world.workspace, world.owner)
    answer = manager.post(ADD, {"app_registration": app.pk, "label": "Second way"})
    added = ProviderConnection.objects.get(label="Second way")
    assert answer["Location"] == f"/admin/provider-connections/{added.pk}"
    assert (added.tenant, added.app_registration, added.is_default) == (world.tenant, app, False)
    assert "Second way is added." in text_of(manager.get(answer["Location"]))


def test_the_first_connection_is_the_default_and_takes_the_apps_name(world, manager):
    factories.make_tenant(world.workspace, "relecloud")
    app = AppRegistration.objects.get()
    manager.post("/admin/t/relecloud/connections/add", {"app_registration": app.pk})
    added = ProviderConnection.objects.get(tenant__slug="relecloud")
    assert added.is_default and added.label == app.name


def test_only_apps_for_this_tenant_can_be_chosen(world, manager):
    elsewhere = factories.make_app(factories.make_workspace("third-msp"), world.owner)
    neighbour = factories.make_tenant(world.workspace, "fabrikam")
    of_neighbour = factories.make_app(world.workspace, world.owner, tenant=neighbour)
    without_credential = factories.make_app(world.workspace, world.owner, secret="")
    good = factories.make_app(world.workspace, world.owner)
    connected = world.connection.app_registration
    offered = text_of(manager.get(ADD))
    assert good.name in offered
    for app in (elsewhere, of_neighbour, without_credential, connected):
        assert f'value="{app.pk}"' not in offered
        answer = manager.post(ADD, {"app_registration": app.pk})
        assert errors_of(answer) == {
            "app_registration": ["This app registration is not available for this tenant."]
        }
    assert ProviderConnection.objects.count() == 1


def test_without_a_shared_app_the_page_asks_for_ones_own(world, manager):
    page = text_of(manager.get(ADD))
    assert 'name="client_id"' in page and 'name="secret"' in page
    assert "Use an app registration of the workspace" not in page


def test_ones_own_app_with_a_secret(world, manager):
    manager.post(f"{ADD}?app=own", {**OWN, "secret": SECRET, "expires_on": "2099-05-06"})
    app = AppRegistration.objects.get(name=OWN["name"])
    assert app.tenant == world.tenant and str(app.client_id) == OWN["client_id"]
    assert secrets.decrypt(app.credential_encrypted) == SECRET
    assert app.credential_expires_at.date() == dt.date(2099, 5, 6)
    assert app.connections.get().label == OWN["name"]


def test_ones_own_app_with_a_certificate(world, manager, key):
    posted = {**OWN, "certificate_pem": certificate_of(key), "private_key_pem": pem_of(key)}
    answer = manager.post(f"{ADD}?app=own&kind=certificate", posted)
    assert answer.status_code == 302
    app = AppRegistration.objects.get(name=OWN["name"])
    assert app.credential_kind == "certificate"
    assert "PRIVATE KEY" in secrets.decrypt(app.credential_encrypted)
    assert "PRIVATE KEY" not in app.certificate_pem
    assert 364 <= (app.credential_expires_at - timezone.now()).days <= 365


@pytest.mark.parametrize(
    "client_id", ["", "not-a-guid", "1b2c3d4e", "{1b2c3d4e-1111-2222-3333-44444444444g}", "0" * 32]
)
def test_a_client_id_that_is_no_guid_is_refused_and_the_rest_is_kept(world, manager, client_id):
    answer = manager.post(
        f"{ADD}?app=own", {**OWN, "client_id": client_id, "secret": SECRET, "expires_on": "2099-05-06"}
    )
    assert list(errors_of(answer)) == ["client_id"]
    page = text_of(answer)
    assert "Contoso&#x27;s own" in page and "2099-05-06" in page
    assert SECRET not in page
    assert not AppRegistration.objects.filter(tenant=world.tenant).exists()


def test_a_client_id_in_braces_and_capitals_is_read(world, manager):
    client_id = str(uuid.uuid4())
    manager.post(f"{ADD}?app=own", {**OWN, "client_id": f"{{{client_id.upper()}}}", "secret": SECRET})
    assert str(AppRegistration.objects.get(name=OWN["name"]).client_id) == client_id


def test_a_cloud_that_does_not_exist_is_refused(world, manager):
    assert "cloud" in errors_of(manager.post(f"{ADD}?app=own", {**OWN, "cloud": "moon", "secret": SECRET}))


# Replace the credential


def test_replacing_a_secret_wants_a_check_before_the_next_start(world, manager, replace):
    answer = manager.post(replace, {"secret": SECRET})
    assert answer["Location"] == f"/admin/provider-connections/{world.connection.pk}"
    world.connection.refresh_from_db()
    app = world.connection.app_registration
    assert secrets.decrypt(app.credential_encrypted) == SECRET
    assert world.connection.verified_at is None and app.credential_version == 2
    page = text_of(manager.get(answer["Location"]))
    assert "The credential is replaced." in page and SECRET not in page


@pytest.mark.parametrize(
    ("posted", "field", "words"),
    [
        ({"secret": ""}, "secret", "This field is required."),
        ({"secret": str(uuid.uuid4())}, "secret", "This is the secret's ID. Paste its value."),
        ({"secret": SECRET + "\x00"}, "secret", "Null characters are not allowed."),
        ({"secret": SECRET, "expires_on": "2001-01-01"}, "expires_on", "This date has passed."),
        ({"secret": SECRET, "expires_on": "soon"}, "expires_on", "Enter a valid date."),
    ],
)
def test_a_secret_that_cannot_work_is_refused(world, manager, replace, posted, field, words):
    answer = manager.post(f"{replace}?kind=secret", posted)
    assert errors_of(answer) == {field: [words]}
    assert SECRET not in text_of(answer)
    assert f'href="#id_{field}"' in text_of(answer)


def test_a_certificate_that_cannot_work_is_refused(world, manager, replace, key):
    other = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    good, private = certificate_of(key), pem_of(key)
    url = f"{replace}?kind=certificate"
    for certificate, given, expected in [
        ("nonsense", private, {"certificate_pem": ["This is no certificate in PEM form."]}),
        (
            private,
            private,
            {"certificate_pem": ["This holds a private key. Paste only the certificate here."]},
        ),
        (certificate_of(key, days=-1), private, {"certificate_pem": ["This certificate has expired."]}),
        (certificate_of(curve), private, {"certificate_pem": ["Microsoft accepts RSA certificates only."]}),
        (good, "nonsense", {"private_key_pem": ["This is no private key in PEM form."]}),
        (
            good,
            pem_of(key, b"pw"),
            {"private_key_pem": ["The private key has a password. Paste it without one."]},
        ),
        (good, pem_of(curve), {"private_key_pem": ["Microsoft accepts RSA keys only."]}),
        (good, pem_of(other), {"private_key_pem": ["The key does not belong to this certificate."]}),
    ]:
        answer = manager.post(url, {"certificate_pem": certificate, "private_key_pem": given})
        assert errors_of(answer) == expected
        if "PRIVATE" not in certificate:
            assert "PRIVATE KEY" not in text_of(answer)
    world.connection.app_registration.refresh_from_db()
    assert world.connection.app_registration.credential_kind == "secret"


def test_the_certificate_is_kept_after_an_error_and_its_key_is_not(world, manager, replace, key):
    posted = {"certificate_pem": certificate_of(key), "private_key_pem": pem_of(key)[:200]}
    page = text_of(manager.post(f"{replace}?kind=certificate", posted))
    assert "BEGIN CERTIFICATE" in page and "PRIVATE KEY" not in page


def test_a_private_key_pasted_as_certificate_is_not_shown_again(world, manager, replace, key):
    posted = {"certificate_pem": pem_of(key), "private_key_pem": pem_of(key)}
    assert "PRIVATE KEY" not in text_of(manager.post(f"{replace}?kind=certificate", posted))


def test_a_shared_credential_is_for_who_manages_every_tenant_that_uses_it(world, replace):
    fabrikam = factories.make_tenant(world.workspace, "fabrikam")
    factories.make_connection(fabrikam, world.owner, app=world.connection.app_registration)
    person = factories.make_member(world.workspace, Role.READONLY)
    factories.entitle(person, world.tenant, Role.MANAGER)
    answer = signed_in(person).post(replace, {"secret": SECRET})
    assert answer.status_code == 403
    assert "every tenant that uses this app registration" in text_of(answer)
    factories.entitle(person, fabrikam, Role.MANAGER)
    assert signed_in(person).post(replace, {"secret": SECRET}).status_code == 302


# Correct the tenant's ID


def test_the_tenant_id_is_corrected_and_wants_a_check(world, manager):
    wanted = uuid.uuid4()
    assert manager.post(EDIT, {"entra_tenant_id": str(wanted).upper()})["Location"] == "/admin/t/contoso"
    world.tenant.refresh_from_db()
    world.connection.refresh_from_db()
    assert world.tenant.entra_tenant_id == wanted
    assert world.connection.verified_at is None


def test_the_same_tenant_id_changes_nothing(world, manager):
    manager.post(EDIT, {"entra_tenant_id": str(world.tenant.entra_tenant_id)})
    world.connection.refresh_from_db()
    assert world.connection.verified_at is not None


def test_a_tenant_id_of_a_neighbour_is_refused_and_that_of_another_workspace_is_not(world, manager):
    neighbour = factories.make_tenant(world.workspace, "fabrikam")
    answer = manager.post(EDIT, {"entra_tenant_id": str(neighbour.entra_tenant_id)})
    assert errors_of(answer) == {"entra_tenant_id": ["Another tenant of this workspace has this ID."]}
    assert str(neighbour.entra_tenant_id) in text_of(answer)
    elsewhere = factories.make_tenant(factories.make_workspace("third-msp"), "elsewhere")
    assert manager.post(EDIT, {"entra_tenant_id": str(elsewhere.entra_tenant_id)}).status_code == 302


def test_a_tenant_id_that_is_no_guid_is_refused_with_what_was_typed(world, manager):
    answer = manager.post(EDIT, {"entra_tenant_id": "contoso.onmicrosoft.com"})
    assert list(errors_of(answer)) == ["entra_tenant_id"]
    assert 'value="contoso.onmicrosoft.com"' in text_of(answer)


def test_hostile_input_comes_back_as_text(world, manager):
    answer = manager.post(f"{ADD}?app=own", {**OWN, "name": '"><script>alert(1)</script>', "client_id": "x"})
    assert "<script>alert" not in text_of(answer)
    assert Tenant.objects.count() == 1
