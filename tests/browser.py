"""A headless Chromium, where there is one: opens pages and says what it had against them. Spoken to by its own protocol
(Chrome DevTools), because a driver would be one more thing to install."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
QUIET = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE = 60


@dataclass
class Page:
    """What became of one address. `complaints` are errors of the console and of scripts, and what the policy blocked."""

    text: str = ""
    complaints: list[str] = field(default_factory=list)


@dataclass
class Browser:
    socket: aiohttp.ClientWebSocketResponse
    _number: int = 0
    _events: list[dict] = field(default_factory=list)

    async def command(self, method: str, **parameters: Any) -> dict:
        self._number += 1
        number = self._number
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            said = await self.socket.receive_json(timeout=PATIENCE)
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]
            self._events.append(said)

    async def evaluate(self, script: str) -> Any:
        result = await self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    async def open(self, address: str, until: str = "true", then: str = "", shown: str = "true") -> Page:
        """Until the script `until` is true; `then` is done there, until `shown` is."""
        self._events.clear()
        await self.command("Page.navigate", url=address)
        await self._wait(f"location.href != 'about:blank' && document.readyState == 'complete' && {until}", address)
        if then:
            await self.evaluate(then)
        await self._wait(shown, address)
        await self.evaluate("new Promise(done => setTimeout(done, 200))")
        return Page(await self.evaluate("document.body.innerText"), self._complaints())

    async def _wait(self, script: str, address: str) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while not await self.evaluate(f"Boolean({script})"):
            assert loop.time() < end, f"{address} does not come to {script}: {self._complaints()}"
            await asyncio.sleep(0.05)

    def _complaints(self) -> list[str]:
        found = []
        for event in self._events:
            said = event.get("params", {})
            match event.get("method"):
                case "Log.entryAdded" if said["entry"]["level"] == "error":
                    found.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
                case "Runtime.exceptionThrown":
                    found.append(str(said["exceptionDetails"].get("exception", {}).get("description")))
                case "Audits.issueAdded" if "contentSecurityPolicyIssueDetails" in said["issue"]["details"]:
                    found.append(str(said["issue"]["details"]["contentSecurityPolicyIssueDetails"]))
        return found


@asynccontextmanager
async def _browser(folder: Path, cookies: dict[str, str], host: str) -> AsyncIterator[Browser]:
    command = [CHROMIUM, *QUIET, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        port = next(found[1] for line in process.stderr if (found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line)))
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://127.0.0.1:{port}/json/new") as answer:
                address = (await answer.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                browser = Browser(socket)
                for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
                    await browser.command(f"{domain}.enable")
                for name, value in cookies.items():
                    await browser.command("Network.setCookie", name=name, value=value, domain=host)
                yield browser
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def browse(
    folder: Path, visit: Callable[[Browser], Coroutine[Any, Any, None]], cookies: dict[str, str], host: str
) -> None:
    """`visit` with a browser of its own, which has these cookies of the host."""

    async def visited() -> None:
        async with _browser(folder, cookies, host) as browser:
            await visit(browser)

    asyncio.run(visited())
