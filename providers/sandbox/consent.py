"""The admin consent page: who asks, for what, accept or decline, and the redirect back."""

import fnmatch
from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from providers.sandbox.data import app_roles
from providers.sandbox.html import hidden, page
from providers.sandbox.models import AppRegistration, Tenant
from providers.sandbox.state import SandboxState

ANY_TENANT = ("organizations", "common")


def consent_page(state: SandboxState, http: Request) -> Response:
    """GET of both forms of the consent address (`/v2.0/adminconsent`, `/adminconsent`)."""
    asked = http.query_params
    app = state.app(asked.get("client_id", ""))
    if app is None:
        return _refusal("AADSTS700016", "No app registration has this client id.")
    redirect_uri = asked.get("redirect_uri", "")
    if not _is_registered(app, redirect_uri):
        return _refusal("AADSTS50011", "The redirect URI does not match one registered for this application.")
    tenants = _tenants(state, http.path_params["tenant"])
    if not tenants:
        return _refusal("AADSTS90002", f"Tenant '{http.path_params['tenant']}' was not found.")
    if http.url.path.lower().endswith("/v2.0/adminconsent") and not asked.get("scope"):
        return _refusal("AADSTS900144", "The request must contain the parameter 'scope'.")
    return page("Admin consent", _form(state, app, tenants, http))


def consent_decision(state: SandboxState, http: Request, form: dict[str, str]) -> Response:
    """POST of the page: grant or decline, then back to the redirect URI."""
    app = state.app(form.get("client_id", ""))
    tenant = state.find_tenant(form.get("tenant", ""))
    redirect_uri = form.get("redirect_uri", "")
    if app is None or tenant is None or not _is_registered(app, redirect_uri):
        return _refusal("AADSTS90014", "The request is missing or has invalid parameters.")
    new_form = http.url.path.lower().endswith("/v2.0/adminconsent")
    accepted = form.get("decision") == "accept"
    if accepted:
        with state.lock:
            tenant.consent(app.client_id, app.permissions)
        state.save()
    answer = _success(tenant, form, new_form) if accepted else _declined(new_form)
    if form.get("decision") == "no-administrator":
        answer = _not_entitled(new_form)
    if form.get("state"):
        answer["state"] = form["state"]
    joined = "&" if "?" in redirect_uri else "?"
    return RedirectResponse(f"{redirect_uri}{joined}{urlencode(answer)}", 302)


def _success(tenant: Tenant, form: dict[str, str], new_form: bool) -> dict[str, str]:
    answer = {"admin_consent": "True", "tenant": tenant.tenant_id}
    return answer | ({"scope": form.get("scope", "")} if new_form else {})


def _declined(new_form: bool) -> dict[str, str]:
    if not new_form:
        return {"error": "permission_denied", "error_description": "The admin canceled the request"}
    words = "AADSTS65004: User declined to consent to access the app."
    return {"admin_consent": "True", "error": "consent_required", "error_description": words}


def _not_entitled(new_form: bool) -> dict[str, str]:
    """The account that signed in may not consent for the organisation."""
    words = "AADSTS90094: The grant requires admin permission."
    answer = {"error": "access_denied", "error_description": words}
    return answer | ({"admin_consent": "True"} if new_form else {})


def _is_registered(app: AppRegistration, redirect_uri: str) -> bool:
    if not redirect_uri.startswith(("https://", "http://")):
        return False
    return any(fnmatch.fnmatchcase(redirect_uri, pattern) for pattern in app.redirect_uris)


def _tenants(state: SandboxState, name: str) -> list[Tenant]:
    """The tenant of the address, or every tenant to choose from where a sign-in would decide."""
    if name.lower() in ANY_TENANT:
        return list(state.tenants.values())
    found = state.find_tenant(name)
    return [found] if found is not None else []


def _form(state: SandboxState, app: AppRegistration, tenants: list[Tenant], http: Request) -> str:
    asked = http.query_params
    items = "".join(
        f"<li>{escape(app_roles()[value]['displayName'])} <code>{escape(value)}</code></li>"
        for value in app.permissions
    )
    fields = hidden(
        client_id=app.client_id, redirect_uri=asked.get("redirect_uri"), state=asked.get("state"),
        scope=asked.get("scope"),
    )  # fmt: skip
    return (
        '<p class="quiet">Graph sandbox, in the place of Microsoft Entra ID</p>'
        "<h1>Permissions requested</h1>"
        f'<form class="card" method="post" action="{escape(http.url.path)}">'
        f"<div><p><strong>{escape(app.display_name)}</strong></p>{_tenant_choice(tenants)}"
        f"<p>This app would like to have in the whole organisation:</p><ul>{items}</ul>{fields}"
        '<div class="actions"><button class="main" name="decision" value="accept">Accept</button>'
        '<button name="decision" value="decline">Cancel</button>'
        '<button name="decision" value="no-administrator">Sign in as somebody who is no administrator</button>'
        "</div></div></form>"
    )


def _tenant_choice(tenants: list[Tenant]) -> str:
    if len(tenants) == 1:
        only = tenants[0]
        return (
            f"{hidden(tenant=only.tenant_id)}<p>Organisation: {escape(only.display_name)} "
            f'<span class="quiet">{escape(only.primary_domain)}</span></p>'
        )
    options = "".join(
        f'<option value="{tenant.tenant_id}">{escape(tenant.display_name)}</option>' for tenant in tenants
    )
    return (
        '<p><label for="tenant">Sign in as administrator of</label> '
        f'<select id="tenant" name="tenant">{options}</select></p>'
    )


def _refusal(code: str, words: str) -> Response:
    body = (
        '<h1>Sign in</h1><div class="card"><p>Sorry, but we are having trouble signing you in.</p>'
        f"<p>{escape(code)}: {escape(words)}</p></div>"
    )
    return page("Sign in", body, 400)
