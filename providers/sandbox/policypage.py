"""A tenant's policies and devices on the sandbox's own pages: rename, delete, add, wipe, shuffle."""

from collections import Counter
from html import escape
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from providers.sandbox.control import Control
from providers.sandbox.data import JSON
from providers.sandbox.html import hidden, page
from providers.sandbox.lookups import ControlError
from providers.sandbox.policies.control import of_the_service
from providers.sandbox.policies.devices import STATES
from providers.sandbox.policies.table import BY_KEY, CATALOGUE


def policy_page(control: Control, tenant: str, message: str = "", opened: str = "") -> Response:
    """Every type with its objects; raises ControlError for an unknown tenant."""
    facts = control.tenant(tenant)
    note = f'<p class="card note" role="status">{escape(message)}</p>' if message else ""
    title = f"{facts['display_name']}: policies and devices"
    types = "".join(_type(control, tenant, kind, kind == opened) for kind in CATALOGUE)
    every = _form(tenant, "", "shuffle", "Shuffle every list") + _form(
        tenant, "", "wipe", "Delete all", bad=True
    )
    body = (
        f'<p><a href="/_sandbox/">All tenants</a></p><h1>{escape(title)}</h1>{note}'
        f"{_devices(control, tenant)}<section class='card'><h2>Policies</h2>{types}"
        f"<div class='actions'>{every}</div></section>"
    )
    return page(title, body)


def _form(
    tenant: str, kind: str, command: str, label: str, *,
    name: str = "", inner: str = "", about: str = "", bad: bool = False,
) -> str:  # fmt: skip
    """A form with one button; `inner` is HTML for further fields, `about` completes the button's name."""
    fields = hidden(tenant=tenant, kind=kind or None, command=command, name=name or None)
    danger = ' class="danger"' if bad else ""
    whole = f' aria-label="{escape(label)}: {escape(about)}"' if about else ""
    return (
        f'<form method="post" action="/_sandbox/policies">{fields}{inner}'
        f"<button{danger}{whole}>{escape(label)}</button></form>"
    )


def _type(control: Control, tenant: str, kind: str, opened: bool) -> str:
    found = control.objects(tenant, kind)
    rows = "".join(_row(tenant, kind, item) for item in found)
    more = _form(tenant, kind, "add", "Add one") + _form(tenant, kind, "shuffle", "Shuffle")
    more += _form(tenant, kind, "wipe", "Delete all", bad=True)
    return (
        f"<details{' open' if opened else ''}><summary>{kind} ({len(found)})</summary>"
        f"<ul class='objects'>{rows}</ul><div class='actions'>{more}</div></details>"
    )


def _row(tenant: str, kind: str, item: JSON) -> str:
    title, object_id = str(item.get(BY_KEY[kind].name) or item["id"]), str(item["id"])
    if of_the_service(kind, item):
        return f"<li>{escape(title)} <span class='quiet'>belongs to the service</span></li>"
    label = f"New name of {title}"
    field = f'<input name="new_name" required value="{escape(title)}" aria-label="{escape(label)}">'
    rename = _form(tenant, kind, "rename", "Rename", name=object_id, inner=field, about=title)
    tweak = _form(tenant, kind, "tweak", "Change a setting", name=object_id, about=title)
    delete = _form(tenant, kind, "delete", "Delete", name=object_id, bad=True, about=title)
    return f"<li>{rename}{tweak}{delete}</li>"


def _devices(control: Control, tenant: str) -> str:
    states = Counter(item["complianceState"] for item in control.objects(tenant, "managedDevices"))
    if not states:
        return ""
    counted = ", ".join(f"{number:,} {state}" for state, number in states.most_common())
    options = "".join(f"<option>{state}</option>" for state in STATES)
    inner = (
        '<label for="number">Devices</label><input id="number" name="number" type="number" min="1" value="10">'
        f'<label for="state">become</label><select id="state" name="state">{options}</select>'
    )
    form = _form(tenant, "", "set_devices", "Change", inner=inner)
    return f"<section class='card'><h2>Devices</h2><p class='quiet'>{counted}</p>{form}</section>"


def policy_act(control: Control, form: dict[str, str]) -> Response:
    """Carry out a form of the page and come back to it."""
    tenant, kind = form.get("tenant", ""), form.get("kind", "")
    try:
        words = _carry_out(control, tenant, kind, form)
    except ControlError as error:
        return policy_page(control, tenant, str(error), kind)
    return RedirectResponse(f"/_sandbox/t/{quote(tenant)}?done={quote(words)}&type={quote(kind)}", 303)


def _carry_out(control: Control, tenant: str, kind: str, form: dict[str, str]) -> str:
    command, name = form.get("command", ""), form.get("name", "")
    if command == "rename":
        control.rename_object(tenant, kind, name, form.get("new_name", ""))
        return f"Renamed to {form.get('new_name', '')}."
    if command == "tweak":
        control.tweak_object(tenant, kind, name)
        return "One setting was changed."
    if command == "delete":
        control.delete_object(tenant, kind, name)
        return "The object was deleted."
    if command == "add":
        control.add_object(tenant, kind)
        return f"One object was added to {kind}."
    if command == "wipe":
        return f"{control.wipe(tenant, kind or None):,} objects were deleted."
    if command == "shuffle":
        control.shuffle(tenant, kind or None)
        return "The lists are in another order now."
    if command == "set_devices":
        number = form.get("number", "")
        if not number.isdigit():
            raise ControlError("The number of devices must be a whole number.")
        changed = control.set_devices(tenant, form.get("state", ""), int(number))
        return f"{changed:,} devices are {form.get('state', '')} now."
    raise ControlError(f"Unknown command {command!r}.")
