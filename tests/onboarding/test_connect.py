"""Connect: the workspace's app with consent, the link for the customer's administrator, and one's own app."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography import x509
from django.test import Client
from django.utils import timezone

from onboarding import links
from onboarding.models import ConsentRequest
from operations.models import OperationRun
from providers import secrets
from providers.models import AppRegistration, MadeCertificate, ProviderConnection
from providers.permissions import PURPOSES
from tenantpilot.audit.models import AuditEntry
from tests import factories
from tests.console.rows import signed_in, text_of

pytestmark = pytest.mark.django_db
OWN = {
    "client_id": "b1f6f4f0-6d0e-4c6e-9a57-2d5c8a1f7e34",
    "secret": "demo~Qm3vT8xL1rZk5JwY7nPc2HsB9dGf4KeA6uXo",
}


def asked(wizard):
    return ConsentRequest.objects.filter(session=wizard.pk).latest("id")


def back(wizard, client=None, request=None, **query):
    """The browser of whoever was at the provider's page comes back."""
    request = request or asked(wizard)
    sent = {
        "state": links.state_of(request),
        "admin_consent": "True",
        "tenant": str(wizard.session.entra_tenant_id),
        **query,
    }
    return (client or wizard.client).get(f"/admin/consent/return?{urlencode(sent)}")


def link_of(wizard):
    return urlsplit(wizard.page("connect").context["link"]).path


class TestOurApp:
    def test_the_page_says_who_must_consent_to_what_and_where(self, wizard):
        wizard.ask()
        page = wizard.page()
        query = parse_qs(urlsplit(page.context["consentUrl"]).query)
        assert query["client_id"] == [str(wizard.app.client_id)]
        assert query["redirect_uri"] == ["http://testserver/admin/consent/return"]
        assert all(name in text_of(page) for name in PURPOSES)

    def test_consent_is_noticed_without_anybody_coming_back(self, wizard):
        wizard.ask()
        assert wizard.look().status_code == 200 and wizard.step() == "connect"
        wizard.sandbox.consent("alpine")
        assert wizard.look().status_code == 286 and wizard.step() == "verify"
        connection = wizard.session.connection
        assert connection.consent_state == "granted" and set(connection.granted_permissions) == set(PURPOSES)
        assert connection.verified_at is None

    def test_many_windows_ask_the_provider_once(self, wizard):
        wizard.ask()
        wizard.sandbox.clear_log()
        for _ in range(5):
            wizard.client.post(f"{wizard.url}/consent", headers={"HX-Request": "true"})
        assert sum(wizard.sandbox.counts("alpine", "token").values()) == 1

    def test_without_script_there_is_a_button(self, wizard):
        wizard.ask()
        answer = wizard.client.post(f"{wizard.url}/consent")
        assert answer.status_code == 302
        assert "Consent has not arrived yet." in text_of(wizard.client.get(answer["Location"]))

    def test_who_comes_back_with_consent_is_led_on(self, wizard):
        wizard.ask()
        wizard.sandbox.consent("alpine")
        answer = back(wizard)
        assert answer["Location"] == f"{wizard.url}?step=connect"
        assert "Connected" in text_of(wizard.client.get(answer["Location"]))

    def test_an_answer_alone_proves_nothing(self, wizard):
        wizard.ask()
        back(wizard)
        assert wizard.step() == "connect" and wizard.session.connected_at is None

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            (
                {"error": "consent_required", "error_description": "AADSTS65004: declined"},
                "Consent was declined.",
            ),
            (
                {"error": "access_denied", "error_description": "AADSTS90094: admin"},
                "This account may not consent. It takes a Global Administrator.",
            ),
            ({"tenant": "0af008bb-d127-4e0a-b1c0-8b8da9f2f74f"}, "Consent was granted in another tenant."),
            ({"admin_consent": ""}, "Microsoft did not say whether consent was granted."),
        ],
    )
    def test_another_answer_is_told_with_a_way_on(self, wizard, query, words):
        wizard.ask()
        page = text_of(wizard.client.get(back(wizard, **query)["Location"]))
        assert words in page and "Try again" in page
        stranger = text_of(back(wizard, Client(), **query))
        assert words in stranger and "Try again" in stranger and "manager" not in stranger
        assert wizard.step() == "connect"

    def test_a_grant_that_is_smaller_than_the_set_shows_what_is_missing(self, wizard):
        wizard.sandbox.revoke("alpine")
        wizard.ask()
        wizard.sandbox.grant("alpine", sorted(set(PURPOSES) - {"GroupMember.Read.All"}))
        assert "1 permission of the set is missing" in text_of(wizard.look())
        rows = {row["name"]: row for row in wizard.page("connect").context["permissions"]}
        assert rows["GroupMember.Read.All"]["state"] == "missing"
        assert "Needed for Sync groups." in rows["GroupMember.Read.All"]["why"]
        assert [row["state"] for row in rows.values()].count("missing") == 1

    def test_a_secret_that_has_expired_is_told_with_its_mend(self, wizard):
        wizard.ask()
        wizard.sandbox.expire_secrets("alpine")
        page = text_of(wizard.look())
        assert "has expired." in page and "Replace secret" in page
        assert wizard.session.connected_at is None

    def test_only_the_workspaces_apps_of_this_cloud_can_be_chosen(self, wizard, world):
        elsewhere = factories.make_app(factories.make_workspace("third-msp"), world.owner)
        of_tenant = factories.make_app(world.workspace, world.owner, tenant=world.tenant)
        without = factories.make_app(world.workspace, world.owner, secret="")
        wizard.identify()
        for app in (elsewhere, of_tenant, without):
            answer = wizard.act("use_app", app_registration=app.pk)
            assert answer.status_code == 400 and "from the list" in text_of(answer)
        assert wizard.act("use_app", app_registration="x").status_code == 400
        assert wizard.session.connection is None

    def test_another_way_takes_the_first_one_back(self, wizard):
        wizard.ask()
        old = asked(wizard)
        wizard.act("bring_app", **OWN, kind="secret")
        assert wizard.session.connection.app_registration.tenant == wizard.session.tenant
        assert not ProviderConnection.objects.filter(pk=old.connection_id).exists()
        assert AppRegistration.objects.filter(pk=wizard.app.pk).exists()

    def test_a_way_that_runs_went_through_stays(self, wizard, world):
        wizard.connect()
        connection = wizard.session.connection
        OperationRun.objects.create(
            tenant=connection.tenant, connection=connection, operation_type="x", op_key="x", scope_key="x",
            origin="console",
        )  # fmt: skip
        answer = wizard.act("bring_app", **OWN, kind="secret")
        assert answer.status_code == 400 and "Runs went through this connection." in text_of(answer)
        assert wizard.session.connection == connection


class TestLink:
    def test_it_explains_and_leads_on_without_an_account(self, wizard):
        wizard.ask()
        page = Client().get(link_of(wizard))
        assert page.status_code == 200
        text = text_of(page)
        assert "alpine.example" in text and "Contoso-Msp" in text and "Read groups and their members." in text
        assert page.context["consentUrl"] == wizard.page().context["consentUrl"]
        assert page["Referrer-Policy"] == "no-referrer" and "no-store" in page["Cache-Control"]
        assert "manager" not in text

    def test_the_administrator_is_told_to_be_done_and_the_wizard_sees_it(self, wizard):
        wizard.ask()
        wizard.sandbox.consent("alpine")
        answer = back(wizard, Client())
        assert answer.status_code == 200 and "You are done and can close this page." in text_of(answer)
        assert wizard.step() == "verify"
        assert "granted already" in text_of(Client().get(link_of(wizard)))

    def test_a_new_link_ends_the_earlier_one(self, wizard):
        wizard.ask()
        first, request = link_of(wizard), asked(wizard)
        wizard.act("new_link")
        assert Client().get(first).status_code == 404
        assert Client().get(link_of(wizard)).status_code == 200
        late = back(wizard, Client(), request)
        assert late.status_code == 400 and "This link is too old" in text_of(late)

    def test_it_can_be_revoked_and_ends_by_itself(self, wizard):
        wizard.ask()
        link = link_of(wizard)
        wizard.act("revoke_link")
        assert Client().get(link).status_code == 404
        assert "The link that was sent out has ended." in text_of(wizard.page())
        wizard.act("new_link")
        link = link_of(wizard)
        ConsentRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert Client().get(link).status_code == 404
        assert back(wizard, Client()).status_code == 400
        assert wizard.session.connected_at is None

    def test_neither_token_opens_the_others_door_and_none_can_be_made_up(self, wizard):
        wizard.ask()
        request = asked(wizard)
        assert Client().get(f"/admin/consent/{links.state_of(request)}").status_code == 404
        assert Client().get(f"/admin/consent/{links.link_token(request)[:-2]}xx").status_code == 404
        forged = back(wizard, state=links.link_token(request))
        assert forged.status_code == 400 and "not yours" in text_of(forged)
        request.nonce = "another"
        assert Client().get(f"/admin/consent/{links.link_token(request)}").status_code == 404

    def test_the_answer_can_be_sent_once_more_and_changes_nothing(self, wizard):
        wizard.ask()
        wizard.sandbox.consent("alpine")
        back(wizard)
        connection = wizard.session.connection
        ProviderConnection.objects.filter(pk=connection.pk).update(verified_at=timezone.now())
        back(wizard, Client())
        back(wizard, Client(), error="access_denied")
        connection.refresh_from_db()
        assert connection.verified_at is not None
        assert asked(wizard).answer == "granted"
        assert AuditEntry.objects.filter(action="consent.answered").count() == 1

    def test_only_who_may_go_on_is_led_to_the_wizard(self, wizard, world):
        wizard.ask()
        wizard.sandbox.consent("alpine")
        answer = back(wizard, signed_in(world.outsider))
        assert answer.status_code == 200 and "You are done" in text_of(answer)


class TestOwnApp:
    def test_a_sign_in_is_tried_at_once(self, wizard):
        wizard.identify()
        answer = wizard.act("bring_app", **OWN, kind="secret", expires_on="2099-01-01")
        assert answer.status_code == 302 and wizard.step() == "verify"
        app = wizard.session.connection.app_registration
        assert (
            app.tenant == wizard.session.tenant and secrets.decrypt(app.credential_encrypted) == OWN["secret"]
        )
        assert app.name == "TenantPilot in alpine.example" and app.purpose == "read"
        assert set(wizard.session.connection.granted_permissions) == set(PURPOSES)

    @pytest.mark.parametrize(
        ("sent", "field", "words"),
        [
            ({"secret": "wrong"}, "secret", "Microsoft refuses it."),
            (
                {"client_id": "11111111-1111-4111-8111-111111111111"},
                "client_id",
                "This tenant knows no app registration with this ID.",
            ),
            ({"client_id": "x"}, "client_id", "Write it as 8-4-4-4-12 digits, such as 1b2c3d4e-…"),
            ({"secret": ""}, "secret", "This field is required."),
        ],
    )
    def test_what_does_not_work_is_refused_and_nothing_is_kept(self, wizard, sent, field, words):
        wizard.identify()
        before = AppRegistration.objects.count()
        answer = wizard.act("bring_app", **{**OWN, "kind": "secret", **sent})
        assert answer.status_code == 400
        assert {name: [*all_] for name, all_ in answer.context["form"].errors.items()} == {field: [words]}
        assert OWN["secret"] not in text_of(answer)
        assert AppRegistration.objects.count() == before and wizard.step() == "connect"

    def test_an_expired_secret_says_so(self, wizard):
        wizard.identify()
        wizard.sandbox.expire_secrets(client_id=OWN["client_id"])
        answer = wizard.act("bring_app", **OWN, kind="secret")
        assert [*answer.context["form"].errors["secret"]] == ["It has expired."]

    def test_a_tenant_that_does_not_answer_says_so(self, wizard):
        wizard.identify()
        wizard.sandbox.unreach("alpine")
        answer = wizard.act("bring_app", **OWN, kind="secret")
        assert "Microsoft did not answer." in text_of(answer)

    def test_a_certificate_is_made_here_and_only_its_public_part_leaves(self, wizard):
        wizard.identify()
        wizard.act("make_certificate")
        made = MadeCertificate.objects.get()
        file = wizard.client.get(f"{wizard.url}/certificate")
        assert "attachment" in file["Content-Disposition"]
        assert b"PRIVATE" not in file.content
        assert (
            x509.load_pem_x509_certificate(file.content).subject.rfc4514_string()
            == "CN=TenantPilot alpine.example"
        )
        assert "PRIVATE KEY" in secrets.decrypt(made.private_key_encrypted)
        assert "PRIVATE" not in text_of(wizard.page())

        refused = wizard.act("bring_app", client_id=OWN["client_id"], kind="made")
        assert refused.status_code == 400 and MadeCertificate.objects.exists()
        wizard.sandbox.add_certificate(file.content.decode(), client_id=OWN["client_id"])
        assert wizard.act("bring_app", client_id=OWN["client_id"], kind="made").status_code == 302
        app = wizard.session.connection.app_registration
        assert app.credential_kind == "certificate" and app.credential_expires_at is not None
        assert not MadeCertificate.objects.exists()
        assert wizard.client.get(f"{wizard.url}/certificate").status_code == 404

    def test_the_page_has_the_permissions_to_copy(self, wizard):
        wizard.identify()
        page = wizard.client.get(f"{wizard.url}?step=connect&way=own&kind=certificate")
        assert page.context["permissionList"].split("\n") == list(PURPOSES)
        assert 'name="private_key_pem"' in text_of(page)
