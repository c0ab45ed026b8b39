"""E-mail through a real SMTP server on this machine."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.utils import timezone

from operations import mail, notices, tasks
from operations.choices import RunOutcome
from operations.models import Notification, NotificationSettings
from tenantpilot import env
from tenantpilot.tenancy.grants import membership_remove
from tenantpilot.tenancy.models import Tenant, User
from tests.conftest import World
from tests.notifications.test_notices import LIST, ended, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


class Inbox:
    """What the server took; ``refuse`` makes it say no."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.to: list[str] = []
        self.refuse = False
        self._lock = threading.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # aiosmtpd's name
        if self.refuse:
            return "451 4.3.0 Try again later"
        with self._lock:
            self.messages.append(message_from_bytes(envelope.content))
            self.to += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.MAIL_ENABLED, settings.PUBLIC_URL = True, "https://console.example"
    yield inbox
    server.stop()


@pytest.fixture
def reader(world: World) -> User:
    User.objects.filter(pk=world.operator.pk).update(email="operator@msp.example")
    world.operator.refresh_from_db()
    notices.set_by_email(world.operator, wanted=True)
    return world.operator


def test_an_ended_run_is_mailed_once(world: World, reader: User, inbox: Inbox) -> None:
    run_id = ended(world, reader, RunOutcome.FAILED)
    assert inbox.messages == [], "nothing is sent from inside the run's transaction"
    tasks.send_mail.run()
    tasks.send_mail.run()
    (message,) = inbox.messages
    assert inbox.to == ["operator@msp.example"]
    assert message["Subject"] == "Check connection on Contoso: Failed"
    body = message.get_payload()
    assert f"https://console.example/admin/operations/{run_id}" in body
    assert message["Message-ID"] == f"<notice-{Notification.objects.get().pk}@console.example>"
    assert message["Auto-Submitted"] == "auto-generated"


def test_who_did_not_ask_gets_none(world: World, inbox: Inbox) -> None:
    User.objects.update(email="someone@msp.example")
    ended(world, world.operator)
    assert mail.send_due() == 0
    notices.set_by_email(world.operator, wanted=True)
    assert mail.send_due() == 0, "what was told before e-mail was turned on is not sent later"
    ended(world, world.operator)
    notices.set_by_email(world.operator, wanted=False)
    assert mail.send_due() == 0
    assert inbox.messages == []


def test_turning_it_on_twice_keeps_what_is_waiting(world: World, reader: User, inbox: Inbox) -> None:
    ended(world, reader)
    notices.set_by_email(reader, wanted=True)
    assert mail.send_due() == 1


def test_a_server_that_refuses_is_tried_again_later_and_not_for_ever(
    world: World, reader: User, inbox: Inbox
) -> None:
    ended(world, reader)
    inbox.refuse = True
    for tries in range(1, mail.MOST_TRIES + 1):
        assert mail.send_due() == 0
        notice = Notification.objects.get()
        assert (notice.mail_tries, notice.mailed_at) == (tries, None)
        assert notice.mail_not_before > timezone.now()
        assert mail.send_due() == 0, "not before its time"
        assert Notification.objects.get().mail_tries == tries
        Notification.objects.update(mail_not_before=timezone.now())
    inbox.refuse = False
    assert mail.send_due() == 0
    assert inbox.messages == []


def test_a_server_that_comes_back_gets_the_message(
    world: World, reader: User, inbox: Inbox, settings: Any
) -> None:
    ended(world, reader)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert mail.send_due() == 0
    settings.EMAIL_PORT = port
    Notification.objects.update(mail_not_before=timezone.now())
    assert mail.send_due() == 1
    assert len(inbox.messages) == 1


def test_workers_at_the_same_time_send_each_message_once(world: World, reader: User, inbox: Inbox) -> None:
    for _turn in range(10):
        ended(world, reader)

    def send(_number: int) -> int:
        try:
            return mail.send_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(4))) == 10
    assert len({message["Message-ID"] for message in inbox.messages}) == len(inbox.messages) == 10


def test_a_lost_tenant_is_not_mailed_about(world: World, reader: User, inbox: Inbox) -> None:
    ended(world, reader)
    membership_remove(workspace=world.workspace, user=reader)
    assert mail.send_due() == 0
    assert inbox.messages == []
    assert mail.send_due() == 0


def test_a_name_from_outside_begins_no_header(world: World, reader: User, inbox: Inbox) -> None:
    Tenant.objects.filter(pk=world.tenant.pk).update(name="Contoso\r\nBcc: thief@example.org")
    ended(world, reader)
    assert mail.send_due() == 1
    (message,) = inbox.messages
    assert message["Bcc"] is None
    assert inbox.to == ["operator@msp.example"]


def test_nothing_is_sent_where_no_mail_is_set_up(
    world: World, reader: User, inbox: Inbox, settings: Any
) -> None:
    settings.MAIL_ENABLED = False
    ended(world, reader)
    assert mail.send_due() == 0


def test_a_person_turns_e_mail_on_and_off(client: Client, world: World, reader: User, inbox: Inbox) -> None:
    signed_in(client, reader)
    assert "Turn e-mail off" in client.get(LIST).content.decode()
    client.post(f"{LIST}/email", {})
    assert NotificationSettings.objects.get(user=reader).email_since is None
    client.post(f"{LIST}/email", {"email": "on"})
    assert NotificationSettings.objects.get(user=reader).email_since is not None
    signed_in(client, world.readonly).post(f"{LIST}/email", {"email": "on"})
    assert not notices.by_email(world.readonly), "no address, no e-mail"


def test_the_mail_server_is_read_from_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL", "smtp://me%40x:p%2Fw@mail.example.org:587?starttls=1")
    found = env.mail_server("MAIL")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_USER"]) == (
        "mail.example.org",
        587,
        "me@x",
    )
    assert (found["EMAIL_HOST_PASSWORD"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (
        "p/w",
        True,
        False,
    )
    monkeypatch.setenv("MAIL", "smtps://mail.example.org")
    assert env.mail_server("MAIL")["EMAIL_PORT"] == 465
    for wrong in ("http://mail.example.org", "smtp://:secret@", "smtp://h:port"):
        monkeypatch.setenv("MAIL", wrong)
        with pytest.raises(ImproperlyConfigured) as refused:
            env.mail_server("MAIL")
        assert "secret" not in str(refused.value)
