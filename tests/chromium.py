"""A real browser without a window: Chromium, spoken to over its DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
import websocket

from sandbox import host

PATIENCE = 90.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


STANDING = """
[
    location.href + " (" + document.readyState + ")",
    ...performance.getEntriesByType("resource").map(
        (one) => `${one.responseStatus} after ${Math.round(one.duration)} ms: ${one.name}`),
    document.body.innerText.slice(0, 2000),
].join("\\n")
"""
"""Where a page is and what it has loaded, for whoever has to find out why it is not what it should be."""


@dataclass
class Page:
    """One tab. `asked` are the addresses that it asked for since it was opened."""

    line: websocket.WebSocket
    asked: list[str] = field(default_factory=list)
    number: int = 0

    def command(self, method: str, **parameters):
        """Call the browser and wait for its answer, which must be no error."""
        self.number += 1
        self.line.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = json.loads(self.line.recv())
            if answer.get("method") == "Network.requestWillBeSent":
                self.asked.append(answer["params"]["request"]["url"])
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
        raise AssertionError(f"{method}: no answer")

    def open(self, address: str) -> None:
        failed = self.command("Page.navigate", url=address).get("errorText")
        assert not failed, f"{address}: {failed}"

    def run(self, script: str):
        """The value of a piece of JavaScript, run as a user's click would be."""
        answer = self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, patience: float = PATIENCE):
        """The value of a piece of JavaScript as soon as it is true; also across pages that follow."""
        deadline = time.monotonic() + patience
        last = None
        while time.monotonic() < deadline:
            try:
                if value := self.run(script):
                    return value
            except AssertionError as error:  # a page that was just left
                last = error
            time.sleep(0.2)
        raise AssertionError(f"never true: {script} ({last}), at {self.run(STANDING)}")

    def click(self, selector: str) -> None:
        """Click on the first such element, with the mouse."""
        spot = self.run(
            f"(e => {{ e.scrollIntoView(); const r = e.getBoundingClientRect();"
            f" return [r.x + r.width / 2, r.y + r.height / 2]; }})"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.command(
                "Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1
            )

    def resize(self, width: int, height: int, scheme: str = "light") -> None:
        """Make it a window of so many pixels, for someone who prefers light or dark."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, file: Path) -> None:
        """All of the page, as PNG."""
        answer = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser(width: int = 1200, height: int = 900, flags: tuple[str, ...] = ()) -> Iterator[Page]:
    """An empty page in a browser of its own, which knows nobody; gone afterwards. Without a browser the test
    is skipped, but in CI it fails. `flags` are further ones of Chromium."""
    if (program := host.browser()) is None:
        assert os.environ.get("CI") != "true", "no browser is installed"
        pytest.skip("no browser is installed")
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                program,
                *FLAGS,
                *flags,
                f"--user-data-dir={folder}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = page_address(Path(folder), process)
            line = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
            page = Page(line)
            for domain in ("Page", "Runtime", "Network"):
                page.command(f"{domain}.enable")
            yield page
            line.close()
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def page_address(folder: Path, process: subprocess.Popen) -> str:
    """Where the only tab listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            port = (folder / "DevToolsActivePort").read_text().splitlines()[0]
            tabs = requests.get(f"http://127.0.0.1:{port}/json/list", timeout=10).json()
            return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        except (OSError, IndexError, StopIteration):
            time.sleep(0.1)
    raise AssertionError(f"the browser did not start (exit code {process.poll()})")
