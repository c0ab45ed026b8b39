"""A page in one state by machine, light and dark, on a desk and on a phone; with a picture of each to look at."""

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

from tenantpilot.quickstart.home import PROJECT
from tests.browser.conftest import DESK, PHONE

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PICTURES = PROJECT / "build" / "screenshots"
NARROWEST = {"width": 320, "height": 800}


def look_at(page: Page, name: str) -> None:
    """Hold the page to WCAG 2.2 AA in four looks and to 320 px; leave it as wide and as light as it was."""
    before = page.viewport_size
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            page.screenshot(path=PICTURES / f"{name}-{scheme}-{size['width']}.png", full_page=True)
            assert violations(page) == [], f"{name}, {scheme}, {size['width']} px"
    page.set_viewport_size(NARROWEST)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROWEST["width"], f"{name}: {wide} px wide at {NARROWEST['width']} px"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(before or DESK)
    # Playwright leaves empty ones on fields of which it took a picture; htmx would copy them, which the CSP refuses.
    page.evaluate("document.querySelectorAll('[style=\"\"]').forEach(node => node.removeAttribute('style'))")


def violations(page: Page) -> list[tuple[str, str]]:
    """What axe finds, as rule and element. Without preloading: it would fetch style sheets by wrong addresses."""
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [(rule["id"], node["html"][:200]) for rule in found["violations"] for node in rule["nodes"]]
