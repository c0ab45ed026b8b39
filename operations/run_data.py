"""Rows of run lists as plain data, as `operations/_run_row.html` draws them."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from operations.choices import ACTIVE
from operations.phrases import About, sentence, verb_of

POLL_SECONDS = 5


def run_data(row: dict[str, Any]) -> dict[str, Any]:
    """One run. Words are made here from the stored codes."""
    data: dict[str, Any] = {
        "runId": row["id"],
        "url": reverse("run", args=[row["id"]]),
        "operatorVerb": verb_of(row["operation_type"]),
        "tenant": {"name": row["tenant__name"], "url": reverse("tenant", args=[row["tenant__slug"]])},
        "executionStatus": row["status"],
        "createdAt": row["created_at"],
        "startedAt": row["started_at"],
        "completedAt": row["completed_at"],
    }
    optional = {
        "outcome": row["outcome"],
        "progress": row["progress"] if "done" in row["progress"] else None,
        "shortReason": reason_words(row),
        "initiator": {"name": row["initiator_name"]} if row["initiator_name"] else None,
    }
    return data | {name: value for name, value in optional.items() if value}


def active_ids(rows: Iterable[dict[str, Any]]) -> list[int]:
    """The runs among these rows that have not ended."""
    return [row["id"] for row in rows if row["status"] in ACTIVE]


def poll_data(rows: Iterable[dict[str, Any]], query: str = "") -> dict[str, Any] | None:
    """Where the list asks for its active rows again; None when none is active."""
    ids = active_ids(rows)
    if not ids:
        return None
    wanted = f"ids={','.join(str(pk) for pk in ids)}"
    url = f"{reverse('operation_rows')}?{wanted}{'&' if query else ''}{query}"
    return {"url": url, "seconds": POLL_SECONDS}


def reason_words(row: dict[str, Any]) -> str:
    """Why the run ended as it did, in one sentence; empty where there is nothing to say."""
    about = About(
        tenant=row["tenant__name"],
        slug=row["tenant__slug"],
        workspace=row["tenant__workspace__name"],
        capabilities=frozenset(),
        connection=row["connection__label"],
        facts=row["reason_facts"],
    )
    return sentence(row["reason_code"], about) if row["reason_code"] else ""
