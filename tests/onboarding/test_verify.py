"""Verify access: one line per check, each missing one with its mend, and green only when nothing required is red."""

import pytest

from onboarding import checks
from operations.models import OperationRun
from providers.models import ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tests.console.rows import text_of
from tests.contracts.conftest import OUTCOME

pytestmark = [pytest.mark.django_db(transaction=True)]
GROUPS = "GroupMember.Read.All"
JSON = {"content_type": "application/json", "headers": {"Accept": OUTCOME}}


def start(wizard, body="{}", operation="provider.connection.check"):
    return wizard.client.post(f"{wizard.url}/provider-actions/{operation}/start", body, **JSON)


def line(wizard, key):
    return next(one for one in wizard.page("verify").context["lines"] if one["key"] == key)


def test_a_permission_that_is_granted_later_turns_its_line_green(wizard):
    wizard.ask()
    wizard.sandbox.grant("alpine", ["Organization.Read.All", "Application.Read.All"])
    wizard.look()
    wizard.start_check()
    wizard.work()
    states = wizard.lines()
    assert (states["token"], states["tenant"], states["directory"]) == ("ok", "ok", "ok")
    missing = line(wizard, GROUPS)
    assert missing["state"] == "missing"
    assert "Without it these will not work: Sync groups." in missing["words"]
    assert [step["href"] for step in missing["nextSteps"]] == [f"{wizard.url}?step=connect"]
    assert wizard.step() == "verify" and not wizard.page().context["verified"]
    wizard.sandbox.consent("alpine")
    wizard.start_check()
    wizard.work()
    assert set(wizard.lines().values()) == {"ok"} and wizard.step() == "bootstrap"


def test_what_the_customer_does_not_grant_can_be_left_out_and_wanted_again(wizard):
    wizard.ask()
    wizard.sandbox.consent("alpine")
    wizard.sandbox.revoke("alpine", [GROUPS])
    wizard.look()
    wizard.start_check()
    wizard.work()
    wizard.act("leave_out", permission=GROUPS)
    assert line(wizard, GROUPS)["state"] == "left_out" and wizard.step() == "bootstrap"
    assert f"Left out: {GROUPS}." in text_of(wizard.page("verify"))
    wizard.act("leave_out", permission=GROUPS, out="no")
    assert wizard.step() == "verify"
    assert wizard.act("leave_out", permission="Organization.Read.All").status_code == 404
    assert wizard.act("leave_out", permission="x").status_code == 404


def test_a_secret_that_expires_keeps_what_passed_and_shows_its_mend(wizard):
    wizard.verify()
    wizard.sandbox.expire_secrets("alpine")
    wizard.start_check()
    wizard.work()
    token = line(wizard, "token")
    assert token["state"] == "missing" and token["reason"].endswith("has expired.")
    assert token["nextSteps"][0]["href"].endswith(
        f"/secret?next=%2Fadmin%2Fonboarding%2F{wizard.pk}%3Fstep%3Dverify"
    )
    assert line(wizard, GROUPS)["state"] == "ok" and line(wizard, "tenant")["state"] == "ok"
    assert wizard.step() == "verify"


def test_a_tenant_that_does_not_answer_is_the_directorys_line(wizard):
    wizard.connect()
    wizard.sandbox.unreach("alpine")
    wizard.start_check()
    assert wizard.work().reason_code == "provider.unreachable"
    directory = line(wizard, "directory")
    assert directory["state"] == "missing" and "did not answer" in directory["reason"]
    assert line(wizard, "tenant")["state"] == "unknown"


def test_a_throttled_tenant_says_until_when(wizard):
    wizard.verify()
    ProviderConnection.objects.update(throttled_until="2099-01-01T00:00:00Z")
    directory = line(wizard, "directory")
    assert directory["state"] == "missing" and "2099" in directory["reason"]
    assert wizard.step() == "verify"


def test_consent_that_is_gone_leads_back_to_connect(wizard):
    wizard.verify()
    wizard.sandbox.revoke("alpine")
    wizard.start_check()
    wizard.work()
    token = line(wizard, "token")
    assert "revoked" in token["reason"] and token["nextSteps"][0]["href"] == f"{wizard.url}?step=connect"


def test_a_missing_licence_and_a_wrong_clock_say_what_will_not_work_and_stop_nothing(wizard):
    wizard.sandbox.set("alpine", "intune", False)
    wizard.verify()
    ProviderConnection.objects.update(clock_skew=900)
    licence, clock = line(wizard, "licence"), line(wizard, "clock")
    assert (licence["state"], licence["required"]) == ("missing", False)
    assert "Without it" in licence["words"]
    assert clock["words"] == "This server's clock is 15 minutes off. Certificates will be refused."
    assert wizard.step() == "bootstrap"


def test_a_disabled_connection_is_not_verified(wizard):
    wizard.verify()
    ProviderConnection.objects.update(enabled=False)
    assert wizard.step() == "verify"


def test_the_live_part_stops_asking_when_the_check_has_ended(wizard):
    wizard.connect()
    wizard.start_check()
    live = wizard.client.get(f"{wizard.url}/live/verify")
    assert live.status_code == 200 and "Checking now" in text_of(live) and "every 2s" in text_of(live)
    wizard.work()
    ended = wizard.client.get(f"{wizard.url}/live/verify")
    assert ended.status_code == 286 and "every 2s" not in text_of(ended) and "Access works" in text_of(ended)


@pytest.mark.django_db(transaction=False)
class TestStart:
    def test_it_is_the_connection_pages_check(self, wizard):
        wizard.connect()
        first = start(wizard, '{"step": "verify"}').json()
        assert first["status"] == "accepted"
        run = OperationRun.objects.get()
        assert (run.operation_type, run.surface, run.connection) == (
            "provider.connection.check", "onboarding", wizard.session.connection,
        )  # fmt: skip
        there = f"/admin/provider-connections/{run.connection_id}/actions/provider.connection.check/start"
        assert wizard.client.post(there, headers={"Accept": OUTCOME}).json()["status"] == "deduped"
        assert start(wizard).json()["run"]["id"] == run.pk

    def test_an_earlier_step_that_is_open_blocks_it_and_is_audited(self, wizard):
        wizard.begin()
        for prepare in (lambda: None, wizard.identify, wizard.ask):
            prepare()
            data = start(wizard).json()
            assert (data["status"], data["reasonCode"]) == ("blocked", "onboarding.step_incomplete")
            assert data["nextSteps"] == [
                {"label": "Continue onboarding", "actionType": "continue_onboarding", "href": wizard.url}
            ]
            wizard.sandbox.reset()
            wizard.client.post(f"{wizard.url}/abandon", {"version": wizard.session.version})
            wizard.begin()
        assert AuditEntry.objects.filter(reason_code="onboarding.step_incomplete").count() == 3
        assert not OperationRun.objects.exists()

    @pytest.mark.parametrize(
        "body", ['{"step": "connect"}', '{"step": 1}', '{"step": ""}', '{"step": ["verify"]}']
    )
    def test_another_step_is_a_400_that_names_the_field(self, wizard, body):
        wizard.begin()
        answer = start(wizard, body)
        assert answer.status_code == 400 and list(answer.json()["errors"]) == ["step"]

    @pytest.mark.parametrize("operation", ["directory.groups.sync", "no.such", "provider.connection.check.x"])
    def test_any_other_operation_is_a_404(self, wizard, operation):
        wizard.connect()
        assert start(wizard, operation=operation).status_code == 404

    def test_only_the_sessions_own_connection_is_a_connection(self, wizard, world):
        wizard.connect()
        own = wizard.session.connection_id
        answers = {
            start(wizard, f'{{"providerConnectionId": {pk}}}').content
            for pk in (world.connection.pk, 987654321, 2**63, 0, -1)
        }
        assert len(answers) == 1 and b"provider.connection_missing" in answers.pop()
        assert start(wizard, f'{{"providerConnectionId": {own}}}').json()["status"] == "accepted"
        assert start(wizard, '{"providerConnectionId": null}').json()["status"] == "deduped"
        assert start(wizard, '{"providerConnectionId": "1"}').status_code == 400

    def test_an_idempotency_key_gives_the_first_answer_again(self, wizard):
        wizard.begin()
        headers = {"Accept": OUTCOME, "Idempotency-Key": "k"}
        url = f"{wizard.url}/provider-actions/provider.connection.check/start"
        first = wizard.client.post(url, "{}", content_type="application/json", headers=headers)
        assert (
            wizard.client.post(url, "{}", content_type="application/json", headers=headers).content
            == first.content
        )
        assert AuditEntry.objects.filter(action="start.blocked").count() == 1
        other = wizard.client.post(
            url, '{"step": "verify"}', content_type="application/json", headers=headers
        )
        assert other.status_code == 422

    def test_a_plain_form_goes_back_to_the_wizard_with_its_outcome(self, wizard):
        wizard.connect()
        answer = wizard.start_check(next=wizard.url)
        assert (answer.status_code, answer["Location"]) == (303, wizard.url)
        assert "Check connection queued" in text_of(wizard.client.get(wizard.url))


def test_the_permissions_that_are_wanted_are_those_of_the_reads():
    wanted = checks.wanted_permissions()
    assert wanted[GROUPS][1] == ["Sync groups"]
    assert not any("ReadWrite" in name for name in wanted)
