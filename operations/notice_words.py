"""A notice in words, alike on the page and in e-mail."""

from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from operations.choices import RunOutcome
from operations.models import NoticeKind
from operations.phrases import verb_of
from operations.run_data import reason_words


def notice_data(row: dict[str, Any]) -> dict[str, Any]:
    """One row of ``notices.notices_of`` as plain data: title, sentence, address, and the run's outcome."""
    told = _WORDS[row["kind"]](row)
    return {"id": row["id"], "at": row["created_at"], "unread": row["read_at"] is None, **told}


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": _("%(verb)s on %(tenant)s")
        % {"verb": verb_of(row["operation_type"]), "tenant": row["tenant__name"]},
        "outcome": row["outcome"],
        "outcomeWord": str(RunOutcome(row["outcome"]).label),
        "sentence": reason_words(row),
        "url": reverse("run", args=[row["run_id"]]),
    }


def _credential(row: dict[str, Any]) -> dict[str, Any]:
    days = row["days_left"]
    connection_id = row["app_connection_id"]
    return {
        "title": _("The secret of %(app)s ends soon") % {"app": row["app_name"]},
        "outcome": "",
        "outcomeWord": "",
        "sentence": ngettext(
            "It ends within %(days)d day, on %(date)s. Replace it before then.",
            "It ends within %(days)d days, on %(date)s. Replace it before then.",
            days,
        )
        % {"days": days, "date": date_format(row["expires_at"])},
        "url": reverse("connection_secret", args=[connection_id])
        if connection_id
        else reverse("connections"),
    }


def _deletion(row: dict[str, Any]) -> dict[str, Any]:
    days = row["days_left"]
    return {
        "title": _("%(tenant)s is deleted soon") % {"tenant": row["tenant__name"]},
        "outcome": "",
        "outcomeWord": "",
        "sentence": ngettext(
            "It goes within %(days)d day, on %(date)s. Bring it back before then to keep it.",
            "It goes within %(days)d days, on %(date)s. Bring it back before then to keep it.",
            days,
        )
        % {"days": days, "date": date_format(row["expires_at"])},
        "url": reverse("tenant", args=[row["tenant__slug"]]),
    }


_WORDS = {
    NoticeKind.RUN_ENDED: _run,
    NoticeKind.CREDENTIAL_EXPIRING: _credential,
    NoticeKind.TENANT_DELETION: _deletion,
}
