"""The console without a mouse."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open

FOCUSED = """() => {
  const node = document.activeElement;
  const places = {header: ".tp-top", nav: ".tp-nav", main: "main"};
  const region = Object.keys(places).find((name) => node.closest(places[name]));
  return [region || "", (node.getAttribute("aria-label") || node.innerText || node.name || "").trim()];
}"""


def walk(page: Page, steps: int) -> list[list[str]]:
    """Where Tab leads, as region and name."""
    seen = []
    for _step in range(steps):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    return seen


def test_tab_goes_through_the_page_from_the_top(open_as: Open) -> None:
    page = open_as("manager", "/admin/t/contoso")
    seen = walk(page, 32)
    names = [name for _region, name in seen]
    assert names[0] == "Skip to main content"
    assert names[1] == "TenantPilot"
    regions = [region for region, _name in seen if region]
    assert regions == sorted(regions, key=["header", "nav", "main"].index), seen
    assert {"Check connection", "Sync groups", "Sync role definitions"} <= set(names)


def test_the_skip_link_leads_past_the_navigation(open_as: Open) -> None:
    page = open_as("manager", "/admin/t/contoso")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)[0] == "main"


def test_sign_out_is_within_ten_tabs_and_escape_gives_the_focus_back(open_as: Open) -> None:
    page = open_as("manager", "/admin/tenants")
    menu = page.locator(".tp-menu__btn", has_text="Manager")
    tabs = 0
    while not menu.evaluate("node => node === document.activeElement"):
        page.keyboard.press("Tab")
        tabs += 1
        assert tabs <= 10
    page.keyboard.press("Enter")
    sign_out = page.get_by_role("button", name="Sign out")
    expect(sign_out).to_be_visible()
    page.keyboard.press("Escape")
    expect(sign_out).to_be_hidden()
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    while not sign_out.evaluate("node => node === document.activeElement"):
        page.keyboard.press("Tab")
        tabs += 1
        assert tabs <= 10


def test_a_start_and_its_way_to_the_run_need_no_mouse(open_as: Open) -> None:
    page = open_as("manager", "/admin/t/litware")
    page.get_by_role("button", name="Check connection").focus()
    page.keyboard.press("Enter")
    panel = page.locator("#outcome .tp-outcome")
    expect(panel).to_be_focused()
    page.keyboard.press("Tab")
    expect(panel.get_by_role("link", name="View run")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check connection")


def test_slash_goes_to_the_search(open_as: Open) -> None:
    page = open_as("manager", "/admin/tenants")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search name or domain")
    expect(search).to_be_focused()
    page.keyboard.type("north/wind")
    expect(search).to_have_value("north/wind")


def test_the_filters_open_and_close_by_keyboard(open_as: Open) -> None:
    page = open_as("manager", "/admin/tenants")
    button = page.locator(".tp-filters__more:not(.tp-columns) > summary")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#filter-health")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#filter-health")).to_be_hidden()
    expect(button).to_be_focused()


def test_the_navigation_of_a_phone_opens_and_closes_by_keyboard(open_as: Open) -> None:
    page = open_as("manager", "/admin/tenants", viewport=PHONE)
    button = page.get_by_role("button", name="Navigation")
    link = page.get_by_role("link", name="Operations")
    expect(link).to_be_hidden()
    button.focus()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(button).to_be_focused()


def test_x_selects_the_row_and_the_bar_starts_on_what_is_selected(open_as: Open) -> None:
    page = open_as("operator", "/admin/tenants")
    bar = page.locator("#tp-selection")
    count = bar.get_by_role("status")
    expect(count).to_have_text("Nothing selected.")
    expect(bar.get_by_role("button", name="Check connection")).to_be_hidden()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(count).to_have_text("2 selected.")
    page.keyboard.press("x")
    expect(count).to_have_text("1 selected.")
    page.get_by_label("Select this page").check()
    expect(count).to_have_text(f"{page.locator('[data-tp-pick]').count()} selected.")
    bar.get_by_role("link", name="Clear selection").click()
    expect(count).to_have_text("Nothing selected.")
    page.get_by_label("Select Litware Insurance").check()
    page.get_by_label("Select Adatum Architects").check()
    bar.get_by_role("button", name="Check connection").click()
    toast = page.locator(".tp-toast")
    expect(toast).to_contain_text("1 blocked.")
    toast.get_by_role("link", name="Show blocked").click()
    expect(page.get_by_role("row", name="Adatum Architects")).to_contain_text("is disabled.")


def test_selecting_works_without_javascript(open_as: Open) -> None:
    page = open_as("operator", "/admin/tenants", java_script_enabled=False)
    page.get_by_label("Select Adatum Architects").check()
    page.locator("#tp-selection").get_by_role("button", name="Check connection").click()
    expect(page.get_by_role("row", name="Adatum Architects")).to_contain_text("is disabled.")


def test_the_tab_of_the_page_is_in_sight_on_a_phone(open_as: Open) -> None:
    page = open_as("manager", "about:blank")
    page.set_viewport_size(PHONE)
    page.goto("/admin/t/contoso/restore-runs")
    expect(page.locator(".tp-tabs [aria-current]")).to_be_in_viewport(ratio=1)
