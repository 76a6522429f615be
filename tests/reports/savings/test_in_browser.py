"""The savings pages in a browser: each fits every window and paper, is for everybody, and leads on; with scripts and without."""

import re
from decimal import Decimal

import pytest

from reports.savings import urls
from tests.browser import Page, accessible, looked_at
from tests.cast import member

from .shop import Shop, make_shop

pytestmark = pytest.mark.django_db(transaction=True)

OF_TICKET = "/reports/shop/workflows/support-ticket/"
OF_SHOP = "/reports/shop/"
NARROWED = ("calls/?figure=execution_cost&version=1.2.0", "executions/?which=escalated&lane=fast", "?since=2020-01-01")


@pytest.fixture
def shop() -> Shop:
    return make_shop()


@pytest.fixture
def rosa(db):
    return member(name="rosa", is_superuser=True)


def addresses(route: str) -> list[str]:
    """What stands behind this of every page that there is."""
    routes = [str(one.pattern) for one in urls.urlpatterns]
    return [one.removeprefix(route) for one in routes if re.fullmatch(f"{re.escape(route)}[a-z-]*/?", one)]


def good(page: Page, name: str = "") -> None:
    """Nothing reaches out of it, nothing complains, nobody is shut out, and each chart has its table."""
    looked_at(page, name)
    page.unfold()
    accessible(page)
    assert page.evaluate("document.title.endsWith(' | Workflow Memory')")
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
    without = "[...document.querySelectorAll('figure:has(svg)')].filter(one => !one.querySelector('table')).map(one => one.id)"
    assert page.evaluate(without) == [], "a chart without its table"


def test_every_page_of_a_workflow_is_good(shop, rosa, opened):
    page = opened(OF_TICKET, rosa)
    for address in (*addresses(urls.WORKFLOW), *NARROWED):
        good(page.open(OF_TICKET + address), f"workflow-{re.sub('[^a-z]+', '-', address)}")


def test_every_page_of_projects_is_good(shop, rosa, opened):
    page = opened("/reports/", rosa)
    good(page)
    for address in addresses(urls.PROJECT):
        good(page.open(OF_SHOP + address))
    for address in ("/reports/lab/?simulated=true", "/reports/lab/workflows/triage/?simulated=true"):
        good(page.open(address))
        page.reads("simulated")


def test_pages_of_what_was_never_executed_and_of_what_cannot_be_read_are_good(shop, rosa, opened):
    page = opened("/reports/empty/", rosa)
    for address in addresses(urls.PROJECT):
        good(page.open(f"/reports/empty/{address}"))
    for address in addresses(urls.WORKFLOW):
        good(page.open(f"/reports/shop/workflows/returns/{address}"))
    page.open("/reports/shop/workflows/invoice-check/")
    page.reads("incomplete")
    good(page)
    page.open(f"{OF_TICKET}?since=yesterday").reads("since is a day such as")
    assert "400" in page.complaints.pop()
    good(page, "refused")


def test_what_is_chosen_stands_in_the_address_and_stays(shop, rosa, opened):
    page = opened(f"{OF_TICKET}executions/?which=completed&version=1.1.0", rosa)
    page.do(lambda it: it.select_option("[name=lane]", "quality"))
    page.do(lambda it: it.fill("[name=since]", "2026-01-02"))
    page.click("Show")
    page.until("location.search.includes('quality')")
    for one in ("which=completed", "version=1.1.0", "lane=quality", "since=2026-01-02"):
        assert one in page.path
    chosen = "[...document.querySelectorAll('.filters :is(input, select)')].map(one => one.value).join()"
    assert page.evaluate(chosen) == "completed,2026-01-02,,1.1.0,quality,false"
    page.click("Versions")
    page.until("location.pathname.endsWith('/versions/')")
    assert "since=2026-01-02" in page.path
    page.click("shop")
    page.until("location.pathname == '/reports/shop/'")
    assert "since=2026-01-02" in page.path


def test_figures_lead_to_the_rows_that_make_them_up(shop, rosa, opened):
    page = opened(OF_TICKET, rosa)
    for figure in ("execution_cost", "design_measured", "evaluation_cost", "shadow_cost"):
        page.open(OF_TICKET)
        exact = follow(page, f".bill a[href*='figure={figure}']")
        page.reads(f"add up to {exact}", within=".headline")
        page.reads("The same, to the last digit.")
        assert rows_add_up(page) == Decimal(exact.removesuffix(" USD"))
    page.open(OF_TICKET)
    follow(page, ".bill a[href*='which=completed']")
    page.reads("115 executions completed", within=".headline")
    page.reads("The report counts 115, and as many are listed.")


def follow(page: Page, selector: str) -> str:
    """The figure that was followed, to its last digit."""
    exact = page.do(lambda it: it.get_attribute(selector, "title"))
    before = page.path
    page.do(lambda it: it.locator(selector).first.click())
    page.until(f"location.pathname + location.search != {before!r}")
    return exact


def rows_add_up(page: Page) -> Decimal:
    """Of what is listed, on as many pages as it takes."""
    found = Decimal(0)
    while True:
        cells = page.evaluate("[...document.querySelectorAll('tbody td:nth-child(2) [title]')].map(one => one.title)")
        found += sum((Decimal(one.removesuffix(" USD").replace(",", "")) for one in cells), Decimal(0))
        before = page.path
        if not page.evaluate("Boolean(document.querySelector('a[rel=next]'))"):
            return found
        page.do(lambda it: it.locator("a[rel=next]").click())
        page.until(f"location.pathname + location.search != {before!r}")


def test_without_scripts_the_figures_are_there_and_the_form_works(shop, rosa, opened):
    page = opened(f"{OF_TICKET}versions/", rosa, scripts=False)
    page.do(lambda it: it.select_option("[name=lane]", "quality"))
    page.click("Show")
    page.do(lambda it: it.wait_for_url("**lane=quality**"))
    page.do(lambda it: it.locator(".chart .picture svg").first.wait_for())
    page.do(lambda it: it.locator(".chart summary").first.click())
    page.do(lambda it: it.locator(".chart table").first.wait_for())
    page.do(lambda it: it.locator(".tabs a", has_text="Savings").click())
    page.reads("saved", within=".headline")


def test_a_keyboard_skips_to_the_content_and_sees_where_it_is(shop, rosa, opened):
    page = opened(OF_TICKET, rosa)
    page.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    page.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    seen = "getComputedStyle(document.activeElement).outlineStyle"
    places = []
    for _ in range(12):
        page.press("Tab")
        assert page.evaluate(seen) != "none", page.evaluate("document.activeElement.outerHTML")
        places.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert places[:3] == ["Savings", "shop", places[2]]
    assert "Versions" in places
