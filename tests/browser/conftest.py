"""Chromium, a stack to look at, and pages that fail the test when the browser's console complains."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.live import People, everybody
from tests.stack import Stack, running_stack

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Root has no user namespaces to sandbox in; containers have a small /dev/shm.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none"]
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation",
  (event) => console.error("CSP", event.violatedDirective, event.blockedURI, event.sourceFile));"""
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 400, "height": 900}

Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker drives the one browser; everything here needs it."""
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):  # noqa: PTH120
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("browser"), name="browser", broker_number=15) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with this package: Playwright's event loop would keep Django from its database in other tests."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.fail(
            'Chromium is missing: apt-get install chromium, or leave these out with -m "not browser".'
        )
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def people(stack: Stack) -> Iterator[People]:
    """Everybody signs in once; their sessions are lent to browser windows."""
    with everybody(stack) as person:
        yield person


class Complaints:
    """What a window's console said at level error or warning; each must be expected or the test fails."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Expect a line, such as Chromium's own for an answer of 403."""
        self._expected.append(pattern)

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"pageerror: {error}"))

    def unexpected(self) -> list[str]:
        return [line for line in self.heard if not any(re.search(each, line) for each in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.heard.append(f"{message.type}: {message.text}")


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    heard = Complaints()
    yield heard
    assert not heard.unexpected(), "\n".join(heard.unexpected())


@pytest.fixture
def open_as(browser: Browser, stack: Stack, people: People, complaints: Complaints) -> Iterator[Open]:
    """Open a window as a person (or as nobody) at a path; options are those of a browser context."""
    contexts: list[BrowserContext] = []

    def open_window(username: str | None, path: str, **options: Any) -> Page:
        context = browser.new_context(
            base_url=stack.address,
            **{"viewport": DESK, "color_scheme": "light", "reduced_motion": "reduce", **options},
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        context.add_init_script(TELL_VIOLATIONS)
        if username is not None:
            cookies = people(username).client.cookies
            context.add_cookies(
                [{"name": key, "value": cookies[key], "url": stack.address} for key in cookies]
            )
        page = context.new_page()
        complaints.listen(page)
        page.goto(path)
        return page

    yield open_window
    for context in contexts:
        context.close()
