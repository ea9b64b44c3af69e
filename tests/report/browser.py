"""A headless Chromium, asked over its DevTools pipe: no package, no port."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from keyward.values import JSON

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
QUIET = ("--no-first-run", "--disable-background-networking", "--disable-extensions")


def chromium() -> str | None:
    """The browser's path, None without one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page. `events` is all that the browser told so far, in order."""

    def __init__(self, read: int, write: int) -> None:
        self._in, self._out = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self._ids = count(1)
        self._session: str | None = None
        self.events: list[JSON] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = str(attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> JSON:
        """The answer to a DevTools command. Raises RuntimeError when it is refused."""
        number = next(self._ids)
        message: JSON = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            told = self._next()
            if told.get("id") != number:
                self.events.append(told)
            elif "error" in told:
                raise RuntimeError(f"{method}: {told['error']}")
            else:
                return dict(told["result"])

    def open(self, path: Path, width: int, scheme: str, *, scripts: bool = False) -> None:
        """Show a file without network, `width` pixels wide."""
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._go(path.as_uri(), width, scheme, offline=True)

    def visit(self, url: str, width: int = 1280, scheme: str = "light") -> None:
        """Show a page of this machine, with its scripts."""
        self.ask("Emulation.setScriptExecutionDisabled", value=False)
        self.ask("Page.navigate", url="about:blank")
        self._go(url, width, scheme, offline=False)

    def run(self, script: str) -> Any:
        """What a script of the page's gives. Raises RuntimeError when it throws."""
        about = {"expression": script, "awaitPromise": True, "returnByValue": True}
        told = self.ask("Runtime.evaluate", userGesture=True, **about)
        if "exceptionDetails" in told:
            raise RuntimeError(f"{script}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def picture(self, path: Path, height: int = 900) -> None:
        """Keep the top of the page as a PNG, so many pixels of it."""
        width = self.run("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        told = self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(told["data"]))

    def _go(self, url: str, width: int, scheme: str, *, offline: bool) -> None:
        limits = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.ask("Network.emulateNetworkConditions", offline=offline, **limits)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media="", features=wanted)
        self.events.clear()
        self.ask("Page.navigate", url=url)
        while not self.params_of("Page.loadEventFired"):
            self.events.append(self._next())

    def params_of(self, method: str) -> list[JSON]:
        """The parameters of the events of one kind."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def content_width(self) -> int:
        """How wide the page is, in pixels."""
        return int(self.ask("Page.getLayoutMetrics")["cssContentSize"]["width"])

    def style(self, selector: str) -> dict[str, str]:
        """The computed style of the first element."""
        self.ask("DOM.enable")
        self.ask("CSS.enable")
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        found = self.ask("CSS.getComputedStyleForNode", nodeId=node)["computedStyle"]
        return {item["name"]: item["value"] for item in found}

    def _next(self) -> JSON:
        told = bytearray()
        while (letter := self._in.read(1)) != b"\0":
            if not letter:
                raise RuntimeError("the browser ended")
            told += letter
        found: JSON = json.loads(told)
        return found


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in the folder."""
    from_us, to_us = os.pipe(), os.pipe()
    here, there = _high(from_us[0]), _high(to_us[1])
    path = chromium()
    assert path
    # DevTools reads descriptor 3 and writes descriptor 4
    wired = ["bash", "-c", f'exec "$@" 3<&{here} 4>&{there}', "bash", path, *FLAGS, *QUIET]
    process = subprocess.Popen(
        [*wired, f"--user-data-dir={folder}", "--remote-debugging-pipe"],
        pass_fds=(here, there),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(here)
    os.close(there)
    try:
        made = Browser(to_us[0], from_us[1])
        yield made
    finally:
        process.terminate()
        process.wait(timeout=60)
        made._in.close()
        made._out.close()


def _high(descriptor: int) -> int:
    """The same, under a number that is in nobody's way."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 20)
    os.close(descriptor)
    return moved
