"""Names that somebody else has chosen: nothing that a tenant, a group or a person is called does anything."""

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core import mail as outbox
from django.http import HttpResponse
from django.utils import timezone

from operations import mail, notices
from operations.models import Notification, OperationRun
from providers.models import AppRegistration, DirectoryGroup, ProviderConnection, RoleDefinition
from tenantpilot.tenancy.models import Invitation, Tenant, User, Workspace
from tests.console.rows import make_runs, signed_in
from tests.security.conftest import Walk, body

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

TAG = "<script>evil()</script><img src=x onerror=evil()>"
HOSTILE = {
    # All in one, and what a spreadsheet would run at its beginning.
    "formula": "=cmd|' /C calc'!A0 "
    + TAG
    + '"\' onmouseover=evil() x="{{ 7|add:7 }}{% load evil %}%(tenant)s%s{0}'
    "</title></style><style>*{display:none}</style>\u202egpj.exe",
    "header": "Innocent\r\nSet-Cookie: evil=1\r\n\r\n<script>evil()</script>",
}
# What a spreadsheet takes for a formula.
FORMULA = re.compile(r"\s*[=+@\t\r]|\s*-(?!\d)")


class Seen(HTMLParser):
    """What a browser would find: elements, attributes that run code, and what scripts and styles hold."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in {"script", "style"} else ""
        if tag == "style" or (tag == "script" and "src" not in dict(attributes)):
            self.found.append(f"<{tag}> without an address")
        for name, value in attributes:
            if name.startswith("on") or name == "style":
                self.found.append(f"{name} of <{tag}>")
            if name in {"href", "src", "action", "hx-get", "hx-post"} and (
                value or ""
            ).strip().lower().startswith(("javascript:", "data:", "//")):
                self.found.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.found.append(f"{self._inside}: {data[:40]}")


def rename(world: Any, run_id: int, text: str) -> None:
    """Everything that has a name gets this one, past every form, as a provider or an older version might have."""
    short = text[:150]
    Workspace.objects.filter(pk=world.workspace.pk).update(name=text)
    Tenant.objects.filter(pk=world.tenant.pk).update(name=text, primary_domain=text)
    AppRegistration.objects.update(name=text)
    ProviderConnection.objects.update(label=text)
    DirectoryGroup.objects.update(display_name=text, description=text, object_id=text[:64])
    RoleDefinition.objects.update(display_name=text, description=text)
    User.objects.filter(pk=world.owner.pk).update(first_name=short, last_name=short, username=short)
    User.objects.filter(pk=world.readonly.pk).update(first_name=short, last_name=short)
    Invitation.objects.update(addressee=text)
    fresh = {"reason_facts": {"missing": [text], "permissions": [text], "until": text}, "failures": [
        {"type": text, "code": "provider.permission_missing", "count": 1, "facts": {"missing": text}}
    ]}  # fmt: skip
    run = OperationRun.objects.get(pk=run_id)
    # A run that has ended never changes, so its twin tells what failed.
    twin = {
        field.attname: getattr(run, field.attname)
        for field in run._meta.concrete_fields
        if not field.primary_key
    }
    OperationRun.objects.create(**(twin | fresh))


def check_page(answer: HttpResponse, url: str) -> None:
    text = body(answer)
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        assert Seen(text).found == [], url
    elif kind.startswith("text/csv"):
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
        assert {len(row) for row in rows} == {len(rows[0])}, url
        assert [cell for row in rows for cell in row if FORMULA.match(cell)] == [], url
    for name, value in answer.headers.items():
        assert "\n" not in value and "evil=1" not in value, (url, name)
    assert "evil" not in answer.cookies


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_name_does_nothing_on_any_page_fragment_json_or_csv(world, names, walk: Walk, text: str):
    rename(world, names["run"], text)
    names["run"] = OperationRun.objects.latest("pk").pk
    shown = 0
    for _rendering, url, answer in walk(signed_in(User.objects.get(pk=world.owner.pk)), "page", "fragment"):
        assert answer.status_code < 500, url
        shown += answer.status_code == 200
        check_page(answer, url)
    assert shown > 100


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_name_does_nothing_in_the_answer_of_a_start_in_a_toast_or_in_a_message(world, text: str):
    Tenant.objects.filter(pk=world.tenant.pk).update(name=text)
    ProviderConnection.objects.update(label=text, enabled=False)
    client = signed_in(world.operator)
    start = "/admin/t/contoso/directory/groups/sync"
    for data, headers in (
        ({}, {"HX-Request": "true"}),
        ({}, {"Accept": "text/html"}),
        ({"next": "/admin/tenants"}, {}),
        ({}, {"Accept": "application/*"}),
    ):
        answer = client.post(start, data, headers=headers)
        assert answer.status_code in {200, 303}
        check_page(answer, start)
    assert Seen(body(client.get("/admin/tenants"))).found == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_one_line_of_a_mail_and_begins_no_header(world, text: str, settings):
    settings.MAIL_ENABLED, settings.EMAIL_BACKEND = True, "django.core.mail.backends.locmem.EmailBackend"
    User.objects.filter(pk=world.operator.pk).update(email="operator@msp.example")
    world.operator.refresh_from_db()
    notices.set_by_email(world.operator, wanted=True)
    Tenant.objects.filter(pk=world.tenant.pk).update(name=text)
    (run,) = make_runs(world.connection, 1, initiator=world.operator)
    Notification.objects.create(recipient=world.operator, run=run, created_at=timezone.now())
    mail.send_due()
    (message,) = outbox.outbox
    assert not set("\r\n\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(message.subject)
    sent = message.message()
    assert sent["Set-Cookie"] is None and sent.get_content_type() == "text/plain"
    assert [to for to in message.recipients() if to != "operator@msp.example"] == []


def test_text_that_turns_its_direction_is_kept_to_itself():
    """An override ends with the element that it stands in: every place that shows a name is one of its own."""
    from tenantpilot.quickstart.home import PROJECT

    css = (PROJECT / "tenantpilot/console/static/console/tp.css").read_text()
    rule = re.search(r"\n([^{}\n]+)\{ unicode-bidi: isolate; \}", css)
    assert rule is not None
    places = {part.strip() for part in rule[1].split(",")}
    assert places >= {
        "main a",
        "main td",
        "main th",
        "main dd",
        "h1",
        "main li",
        "main p",
        "main span",
        "option",
    }
