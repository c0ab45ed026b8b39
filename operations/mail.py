"""Notices by e-mail, for people who asked for it: after the run's transaction, in one of our own.

A notice is locked while its message is sent and marked in the same transaction, so two workers never send it both.
Only a worker that dies between the mail server's "yes" and the commit sends twice, under the same Message-ID.
"""

from email.utils import parseaddr
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connection, transaction
from django.utils.translation import gettext as _

from operations.notice_words import notice_data
from operations.notices import notices_of

log = structlog.get_logger(__name__)

MOST_TRIES = 5
BATCH = 50
OLDEST_HOURS = 24

# Only what was told since the person asked for e-mail, and nothing stale after a long outage.
_DUE = """
SELECT n.id, n.recipient_id, u.email, n.mail_tries
FROM operations_notificationsettings s
JOIN tenancy_user u ON u.id = s.user_id AND u.is_active AND u.email <> ''
JOIN operations_notification n ON n.recipient_id = s.user_id
WHERE s.email_since IS NOT NULL AND n.created_at >= s.email_since AND n.mailed_at IS NULL
  AND n.created_at > now() - %s * interval '1 hour' AND n.mail_not_before <= now() AND n.mail_tries < %s
ORDER BY n.id LIMIT 1 FOR UPDATE OF n SKIP LOCKED
"""
_SENT = "UPDATE operations_notification SET mailed_at = now(), mail_tries = mail_tries + 1 WHERE id = %s"
_LATER = """
UPDATE operations_notification SET mail_tries = mail_tries + 1,
  mail_not_before = now() + (30 * power(4, mail_tries)) * interval '1 second' WHERE id = %s
"""
# Unicode's embeddings, overrides and isolates of direction.
_NO_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def send_due() -> int:
    """Send what is due, at most 50 messages; return how many went out. Does nothing where no mail is set up."""
    if not settings.MAIL_ENABLED:
        return 0
    results = []
    for _turn in range(BATCH):
        result = _send_next()
        if result is None:
            break
        results.append(result)
    return sum(results)


def _send_next() -> bool | None:
    """Send one message: whether it went out, or None when nothing is due."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [OLDEST_HOURS, MOST_TRIES])
        row = cursor.fetchone()
        if row is None:
            return None
        notice_id, recipient_id, address, tries = row
        # Who may not see it any more gets no mail either, and the notice is done with.
        seen = notices_of(recipient_id, only=notice_id)
        sent = not seen or _sent(_message(notice_data(seen[0]), address), notice_id, tries)
        cursor.execute(_SENT if sent else _LATER, [notice_id])
        return sent and bool(seen)


def _sent(message: EmailMessage, notice_id: int, tries: int) -> bool:
    try:
        message.send()
    except (SMTPException, OSError) as error:
        # The text of the error may name the recipient; its kind is enough.
        log.warning("mail_failed", notice=notice_id, attempt=tries + 1, error=type(error).__name__)
        return False
    return True


def _message(notice: dict[str, Any], address: str) -> EmailMessage:
    subject = notice["title"]
    if notice["outcomeWord"]:
        subject = _("%(title)s: %(outcome)s") % {"title": subject, "outcome": notice["outcomeWord"]}
    lines = [
        subject,
        notice["sentence"],
        f"{settings.PUBLIC_URL}{notice['url']}" if settings.PUBLIC_URL else "",
    ]
    lines.append(_("You get this because e-mail is on under Notifications in TenantPilot."))
    host = (
        urlsplit(settings.PUBLIC_URL).hostname or parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    )
    return EmailMessage(
        # Names of tenants come from outside: a line break would begin a header of its own, an override turn the rest.
        " ".join(subject.translate(_NO_TURNS).split()),
        "\n\n".join(line for line in lines if line) + "\n",
        to=[address],
        headers={"Message-ID": f"<notice-{notice['id']}@{host}>", "Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT),
    )
