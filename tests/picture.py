"""Takes the picture of the README anew: `python -m tests.picture`. It plays the demo into a database of its own, opens the page
of its workflow as anybody would, and writes docs/images/savings.png."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

from tests.browser import CHROMIUM
from tests.servers import free_port

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "savings.png"
PAGE = "/reports/demo/workflows/support-ticket/"
SIZE = {"width": 1280, "height": 844}
LARGEST = 300_000  # bytes


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (home, password):
        take(home, password)
    size = PICTURE.stat().st_size
    sys.exit(f"{PICTURE} has {size:,} bytes: more than {LARGEST:,}" if size > LARGEST else 0)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """Where the demo's figures are served, and the password of its administrator, which is said once."""
    port, said = free_port(), folder / "said"
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{folder}/demo.sqlite3", "PORT": str(port)}
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "demo"], env=env, check=True, stdout=subprocess.DEVNULL)
    with said.open("w") as out, subprocess.Popen([*manage, "serve"], env=env, stdout=out, stderr=out) as service:
        try:
            home = f"http://127.0.0.1:{port}"
            while not answers(f"{home}/healthz"):
                time.sleep(0.2)
            yield home, re.search(r"password (\S+) \(shown once\)", said.read_text())[1]
        finally:
            service.terminate()


def answers(address: str) -> bool:
    try:
        with urlopen(address):
            return True
    except URLError:
        return False


def take(home: str, password: str) -> None:
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_context(base_url=home, color_scheme="light", viewport=SIZE).new_page()
        page.goto(f"/admin/login/?next={PAGE}")
        page.fill("#id_username", "admin")
        page.fill("#id_password", password)
        page.press("#id_password", "Enter")
        page.wait_for_url(f"**{PAGE}")
        page.locator(".labels", has_text="simulated").wait_for()  # it says so itself
        page.screenshot(path=PICTURE, full_page=True, animations="disabled")


if __name__ == "__main__":
    main()
