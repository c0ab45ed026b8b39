"""HTML by hand for the two small pages: escaping, the frame, forms without scripts."""

from html import escape

from starlette.responses import HTMLResponse

CSP = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A whole page; `body` is HTML, `title` is text."""
    content = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel="icon" href="/_sandbox/static/icon.svg">'
        '<link rel="stylesheet" href="/_sandbox/static/sandbox.css"></head>'
        f"<body><main>{body}</main></body></html>"
    )
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return HTMLResponse(content, status, headers)


def hidden(**values: str | None) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in values.items()
        if value is not None
    )


def action_form(tenant: str, command: str, label: str, *inputs: str, danger: bool = False) -> str:
    """A form with one button that carries out a command on a tenant."""
    kind = ' class="danger"' if danger else ""
    return (
        '<form method="post" action="/_sandbox/act">'
        f"{hidden(tenant=tenant, command=command)}{''.join(inputs)}"
        f"<button{kind}>{escape(label)}</button></form>"
    )


def text_input(name: str, label: str, identifier: str) -> str:
    return (
        f'<label for="{escape(identifier)}">{escape(label)}</label>'
        f'<input id="{escape(identifier)}" name="{escape(name)}" required>'
    )
