"""The sandbox's own page: tenants and what can be done to them, without scripts."""

from collections.abc import Callable
from html import escape
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from providers.sandbox.control import Control
from providers.sandbox.data import JSON
from providers.sandbox.html import action_form, page, text_input
from providers.sandbox.lookups import ControlError

INTRO = (
    '<p class="quiet">This server stands in for Microsoft Entra ID and Microsoft Graph. '
    "What you change here is what TenantPilot will find the next time it asks.</p>"
)


def console_page(control: Control, message: str) -> Response:
    note = f'<p class="card note" role="status">{escape(message)}</p>' if message else ""
    cards = "".join(_card(control, facts) for facts in control.tenants()) or "<p>No tenants yet.</p>"
    reset = action_form("", "reset", "Reset everything", danger=True)
    return page("Graph sandbox", f"<h1>Graph sandbox</h1>{INTRO}{note}{cards}<div class='card'>{reset}</div>")


def _badge(text: str, good: bool) -> str:
    return f'<span class="badge {"good" if good else "bad"}">{escape(text)}</span>'


def _card(control: Control, facts: JSON) -> str:
    slug = str(facts["tenant"])
    consent = "consented" if facts["consented"] and not facts["missing"] else "consent incomplete"
    if not facts["consented"]:
        consent = "no consent"
    badges = _badge("reachable" if facts["reachable"] else "unreachable", facts["reachable"])
    badges += _badge(consent, consent == "consented")
    if not facts["intune"]:
        badges += _badge("no Intune licence", False)
    counts = control.counts(slug)
    asked = f"{sum(counts.values()):,} requests, {counts.get(429, 0):,} of them throttled"
    return (
        f'<section class="card" aria-labelledby="t-{slug}"><div class="head">'
        f'<h2 id="t-{slug}">{escape(str(facts["display_name"]))}</h2><code>{slug}</code>{badges}</div>'
        f'<p class="quiet">{facts["groups"]:,} groups · {asked}</p>{_missing(facts)}'
        f'<p><a href="/_sandbox/t/{slug}">Policies and devices</a></p>'
        f"{_quick_actions(slug, facts)}{_more(slug, facts)}</section>"
    )


def _missing(facts: JSON) -> str:
    if not facts["missing"] or not facts["consented"]:
        return ""
    names = ", ".join(f"<code>{escape(value)}</code>" for value in facts["missing"])
    return f"<p>Not granted: {names}</p>"


def _quick_actions(slug: str, facts: JSON) -> str:
    actions = []
    if facts["missing"]:
        actions.append(action_form(slug, "consent", "Grant consent"))
    if facts["consented"]:
        actions.append(action_form(slug, "revoke", "Revoke consent", danger=True))
    if facts["reachable"]:
        actions.append(action_form(slug, "unreach", "Make unreachable", danger=True))
    else:
        actions.append(action_form(slug, "reach", "Make reachable"))
    return f'<div class="actions">{"".join(actions)}</div>'


def _more(slug: str, facts: JSON) -> str:
    forms = [
        action_form(slug, "add_group", "Add group", text_input("name", "Name", f"add-{slug}")),
        action_form(
            slug, "rename_group", "Rename group", text_input("group", "Group", f"old-{slug}"),
            text_input("name", "New name", f"new-{slug}"),
        ),
        action_form(
            slug, "delete_group", "Delete group", text_input("group", "Group", f"del-{slug}"), danger=True
        ),
        action_form(slug, "add_secret", "Add client secret"),
        action_form(slug, "replace_secret", "Replace client secrets", danger=True),
        action_form(slug, "expire_secrets", "Expire client secrets", danger=True),
        action_form(slug, "reset", "Reset tenant", danger=True),
    ]  # fmt: skip
    app = escape(f"{facts['app']} ({facts['client_id']})") if facts["app"] else "none"
    return (
        f"<details><summary>Groups, secrets, reset</summary><p class='quiet'>App registration: {app}<br>"
        f"Tenant id: <code>{facts['tenant_id']}</code></p>{''.join(forms)}</details>"
    )


def act(control: Control, form: dict[str, str]) -> Response:
    """Carry out a form of the page. A new secret is shown once, on the answer itself."""
    command, tenant = form.get("command", ""), form.get("tenant", "")
    try:
        words = _carry_out(control, command, tenant, form)
    except ControlError as error:
        return console_page(control, str(error))
    if command in ("add_secret", "replace_secret"):
        return console_page(control, words)
    return RedirectResponse(f"/_sandbox/?done={quote(words)}", 303)


def _carry_out(control: Control, command: str, tenant: str, form: dict[str, str]) -> str:
    simple: dict[str, tuple[str, Callable[[str], JSON]]] = {
        "consent": ("Consent granted in {}.", control.consent),
        "revoke": ("Consent revoked in {}.", control.revoke),
        "reach": ("{} can be reached.", control.reach),
        "unreach": ("{} cannot be reached.", control.unreach),
        "expire_secrets": ("The client secrets of the app of {} have expired.", control.expire_secrets),
    }
    if command in simple:
        words, method = simple[command]
        method(tenant)
        return words.format(tenant)
    if command in ("add_secret", "replace_secret"):
        value = control.add_secret(tenant) if command == "add_secret" else control.replace_secret(tenant)
        return f"New client secret for the app of {tenant}, shown this once: {value}"
    if command == "add_group":
        control.add_group(tenant, form.get("name", ""))
        return f"Group {form.get('name', '')} added to {tenant}."
    if command == "rename_group":
        control.rename_group(tenant, form.get("group", ""), form.get("name", ""))
        return f"Group {form.get('group', '')} renamed in {tenant}."
    if command == "delete_group":
        control.delete_group(tenant, form.get("group", ""))
        return f"Group {form.get('group', '')} deleted from {tenant}."
    if command == "reset":
        control.reset(tenant or None)
        return f"{tenant or 'Everything'} is back to how it started."
    raise ControlError(f"Unknown command {command!r}.")
