"""The answer to a start as plain data, made once; JSON, fragment, page, message and toast are renderings of it.

A key without a value is left out: valid under either reading of the contract's ``nullable``.
"""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from operations.choices import StartStatus
from operations.outcomes import RunRef, StartOutcome
from operations.phrases import About, next_steps, readable, sentence, verb_of, view_run

_TITLES = {
    StartStatus.ACCEPTED: lambda verb, tenant: _("%(verb)s queued") % {"verb": verb},
    StartStatus.DEDUPED: lambda verb, tenant: _("%(verb)s is already running") % {"verb": verb},
    StartStatus.SCOPE_BUSY: lambda verb, tenant: _("%(tenant)s is busy") % {"tenant": tenant},
    StartStatus.BLOCKED: lambda verb, tenant: _("%(verb)s can't start") % {"verb": verb},
}


def outcome_data(outcome: StartOutcome, capabilities: frozenset[str]) -> dict[str, Any]:
    """Return ProviderStartOutcome of the contract, with ``reasonCode``, for a reader with these rights."""
    about = about_start(outcome, capabilities)
    verb, code = verb_of(outcome.operation_type), outcome.reason_code
    data = {
        "status": outcome.status.value,
        "operationType": outcome.operation_type,
        "operatorVerb": verb,
        "operatorTarget": about.tenant,
        "operatorMessage": _TITLES[outcome.status](verb, about.tenant),
        "shortReason": sentence(code, about) if code else None,
        "reasonCode": code,
        "providerConnection": _connection(outcome.connection),
        "run": run_reference(outcome.run) if outcome.run else None,
        "nextSteps": next_steps(code, about),
        "actions": [view_run(outcome.run.id)] if outcome.run else None,
    }
    return without_empty(data)


def about_start(outcome: StartOutcome, capabilities: frozenset[str]) -> About:
    """Return what the words of this outcome are about."""
    tenant, connection = outcome.tenant, outcome.connection or {}
    facts = dict(outcome.reason_facts)
    if outcome.status is StartStatus.SCOPE_BUSY:
        facts["holder"] = _holder(outcome.run)
        facts["scope"] = _("this directory") if facts.get("scope") else _("this connection")
    return About(
        tenant=tenant["name"],
        slug=tenant["slug"],
        workspace=tenant["workspace"],
        capabilities=capabilities,
        connection=connection.get("label", ""),
        connection_id=connection.get("id"),
        run_id=outcome.run.id if outcome.run else None,
        operation_type=outcome.operation_type,
        facts=facts,
    )


def _connection(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return ProviderConnectionContext, its keys in one order: a kept answer comes back in the database's."""
    return {name: kept[name] for name in ("id", "provider", "label")} if kept else None


def _holder(run: RunRef | None) -> str:
    """Name what is in the way: operation, who started it and since when; a hidden one is just another."""
    if run is None:
        return _("Another operation")
    parts = {"verb": verb_of(run.operation_type), "person": run.initiator, "time": readable(run.created_at)}
    if run.initiator:
        return _("%(verb)s (%(person)s, since %(time)s)") % parts
    return _("%(verb)s (since %(time)s)") % parts


def run_reference(run: RunRef) -> dict[str, Any]:
    """Return RunReference of the contract; ``status`` is the execution status."""
    return {"id": run.id, "url": reverse("run", args=[run.id]), "status": str(run.status)}


def toast(data: Mapping[str, Any]) -> dict[str, str]:
    """Return what the console's toast shows of an outcome: text only, never HTML."""
    links = [*data.get("nextSteps", ()), *data.get("actions", ())]
    link: Mapping[str, Any] = next((step for step in links if step.get("href")), {})
    shown = {
        "outcome": data["status"],
        "text": data["operatorMessage"],
        "detail": data.get("shortReason"),
        "href": link.get("href"),
        "label": link.get("label"),
    }
    return without_empty(shown)


def without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data without keys that hold nothing."""
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}
