"""A headless Chromium, where there is one: the system's own, driven by Playwright.

A pytest plugin. Playwright keeps an event loop running in the thread that uses it, and Django refuses the database in such a
thread; so the browser lives in one of its own, and tests call it from theirs.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
PATIENCE = 60_000  # milliseconds
WIDTHS = (390, 1024, 1600)
LOOKS = {
    "light": {"media": "screen", "color_scheme": "light"},
    "dark": {"media": "screen", "color_scheme": "dark"},
    "print": {"media": "print", "color_scheme": "light"},
}
ICONS = (
    "/favicon.ico",
    "/icon.svg",
)  # a browser asks for them when it likes, and for the first where nobody links to it
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]  # of axe-core
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # what another look can change

# What reaches out of the window, unless something around it moves by itself.
REACHING_OUT = """() => [...document.body.querySelectorAll('*')].filter(one => {
    const { left, right } = one.getBoundingClientRect();
    if (Math.max(right, left + one.scrollWidth) <= innerWidth) return false;
    for (let around = one.parentElement; around; around = around.parentElement)
        if (around != document.body && getComputedStyle(around).overflowX != 'visible') return false;
    return true;
}).map(one => one.outerHTML.slice(0, 120))"""


class Browser:
    """One for all tests of a process. What it is asked to `do` is done in its thread, one after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browser")
        self.do(self._start)

    def do(self, work: Callable[..., Any], *args: Any) -> Any:
        return self._thread.submit(work, *args).result()

    def _start(self) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self.chromium = self._playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    def stop(self) -> None:
        self.do(self.chromium.close)
        self.do(self._playwright.stop)
        self._thread.shutdown()


class Request(NamedTuple):
    """`kind`: document, script, xhr …; `path`: with its query."""

    kind: str
    path: str


class Page:
    """In a window of its own, which shares nothing with another's. `complaints` are errors of the console and of scripts, and
    what the policy blocked: they fail the test at its end, unless it has taken them out. `asked` is every request so far."""

    def __init__(self, browser: Browser, home: str, cookies: dict[str, str], *, scripts: bool = True) -> None:
        self._browser, self._home, self._complaints, self._scripts = browser, home, [], scripts
        self.asked: list[Request] = []
        browser.do(self._make, cookies)

    def _make(self, cookies: dict[str, str]) -> None:
        self._context = self._browser.chromium.new_context(
            base_url=self._home, reduced_motion="reduce", java_script_enabled=self._scripts
        )
        self._context.set_default_timeout(PATIENCE)
        self._context.add_cookies([{"name": name, "value": cookies[name], "url": self._home} for name in cookies])
        self._context.on("console", lambda said: said.type == "error" and self._complain(said))
        self._context.on("weberror", lambda error: self._complaints.append(str(error.error)))
        self._context.on("request", self._ask)
        self._page = self._context.new_page()

    def _ask(self, one: Any) -> None:
        if not one.url.endswith(ICONS):
            self.asked.append(Request(one.resource_type, one.url.removeprefix(self._home)))

    def _complain(self, said: Any) -> None:
        if not said.location["url"].endswith(ICONS):
            self._complaints.append(f"{said.text} {said.location['url']}")

    def do(self, work: Callable[[Any], Any]) -> Any:
        """Whatever else Playwright's page can: `page.do(lambda it: it.go_back())`."""
        return self._browser.do(work, self._page)

    def open(self, path: str) -> Self:
        self.do(lambda it: it.goto(path))
        return self

    def evaluate(self, script: str) -> Any:
        return self.do(lambda it: it.evaluate(script))

    def until(self, script: str) -> None:
        """It is true here, or on a page that follows."""

        def wait(it: Any) -> None:
            end = time.monotonic() + PATIENCE / 1000
            while not _said(it, f"Boolean({script})"):
                assert time.monotonic() < end, f"{it.url} does not come to {script}: {self._complaints}"
                it.wait_for_timeout(20)

        self.do(wait)

    def reads(self, text: str, within: str = "body") -> None:
        """It comes to this text."""
        self.do(lambda it: it.locator(within, has_text=text).first.wait_for())

    def pause(self, milliseconds: int) -> None:
        """What it says and asks meanwhile arrives."""
        self.do(lambda it: it.wait_for_timeout(milliseconds))

    def click(self, label: str) -> None:
        """The button or link of this label, in what the page is about."""

        def click(it: Any) -> None:
            content = it.locator("#content")
            named = [content.get_by_role(role, name=label, exact=True) for role in ("button", "link")]
            named[0].or_(named[1]).first.click()

        self.do(click)

    def fill(self, selector: str, text: str) -> None:
        self.do(lambda it: it.fill(selector, text))

    def press(self, *keys: str) -> None:
        """As a keyboard does: `j`, `Enter`, `Control+Enter`."""
        self.do(lambda it: [it.keyboard.press(key) for key in keys])

    def write(self, text: str) -> None:
        """Where the cursor is."""
        self.do(lambda it: it.keyboard.insert_text(text))

    def unfold(self) -> None:
        self.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    def look(self, look: str = "light", width: int = 1280) -> None:
        self.do(lambda it: (it.set_viewport_size({"width": width, "height": 844}), it.emulate_media(**LOOKS[look])))

    @property
    def text(self) -> str:
        return self.do(lambda it: it.inner_text("body"))

    @property
    def path(self) -> str:
        return self.evaluate("location.pathname + location.search")

    @property
    def complaints(self) -> list[str]:
        if self._scripts:
            self.evaluate("new Promise(done => setTimeout(done))")  # what was said until now has arrived
        return self._complaints

    def close(self) -> None:
        self._browser.do(self._context.close)


def _said(it: Any, script: str) -> Any:
    """None between two pages. Playwright's own waiting builds a function from the script in the page, which the policy refuses."""
    from playwright.sync_api import Error

    try:
        return it.evaluate(script)
    except Error as error:
        if "context was destroyed" in str(error) or "navigation" in str(error):
            return None
        raise


def looked_at(page: Page, name: str = "") -> None:
    """At each width, in light, in dark and on paper: nothing reaches out of the window, and nothing complains. `PICTURES` names a
    folder that pictures of it go to."""
    folder = os.environ.get("PICTURES")
    name = name or "-".join(re.findall(r"[\w.]+", page.path))
    for width, look in product(WIDTHS, LOOKS):
        page.look(look, width)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            raise AssertionError(f"{page.path} is wider than {width} ({look}): {page.evaluate(REACHING_OUT)[:5]}")
        if folder:
            picture = Path(folder) / f"{name}-{width}-{look}.png"
            page.do(lambda it, picture=picture: it.screenshot(path=picture, full_page=True, animations="disabled"))
    page.look()
    assert page.complaints == []


def accessible(page: Page, apart_from: Collection[str] = ()) -> None:
    """Nothing that axe-core finds in light or in dark, against WCAG 2 A and AA or what is usual. What stays unmended is named in
    `apart_from`, as patterns: `label-title-only at #searchbar`."""
    from axe_playwright_python.base import AXE_SCRIPT

    def found(look: str, only: dict) -> list[str]:
        page.look(look)
        page.evaluate("document.getAnimations().forEach(one => one.finish())")  # no colour is on its way to another
        run = "options => axe.run(document, options).then(result => result.violations)"
        options = {"runOnly": only, "resultTypes": ["violations"], "preload": False}
        violations = page.do(lambda it: it.evaluate(run, options))
        where = [
            (f"{one['id']} at {' '.join(map(str, node['target']))}", one, node)
            for one in violations
            for node in one["nodes"]
        ]
        return [
            f"{look}: {name}: {one['help']}. {_why(node)}"
            for name, one, node in where
            if not any(fnmatchcase(name, known) for known in apart_from)
        ]

    assert page.complaints == []
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    against = found("light", {"type": "tag", "values": RULES})
    against += found("dark", {"type": "rule", "values": OF_COLOURS})
    page.look()
    page.complaints.clear()  # those of axe itself, which tries styles
    assert not against, "\n".join([f"{page.path} is not for everybody:", *against])


def _why(node: dict) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:300]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    browser = Browser()
    yield browser
    browser.stop()


@pytest.fixture
def opened(browser, live_server) -> Iterator[Callable[..., Page]]:
    """`opened(path)`, or for somebody `opened(path, client)`, a client that is signed in as tests.cast.member makes it: the page
    of the live server; with `scripts=False` as it is for who allows none."""
    pages: list[Page] = []

    def opened(path: str, client: Any = None, *, scripts: bool = True) -> Page:
        cookies = {name: one.value for name, one in client.cookies.items()} if client else {}
        pages.append(Page(browser, live_server.url, cookies, scripts=scripts))
        return pages[-1].open(path)

    yield opened
    complaints = [one for page in pages for one in page.complaints]
    for page in pages:
        page.close()
    assert complaints == []
