"""Firefox by WebDriver BiDi, W3C's protocol that it speaks itself: no driver is needed, and Playwright has none for it.

with running_firefox(folder) as firefox:
    firefox.open(path.as_uri())
    firefox.click("[data-key=next]")
    firefox.wait_for("document.querySelector('.seedream-position').textContent === '2 / 3'")
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

from conftest import skip_or_fail

PROGRAMS = ("firefox-esr", "firefox")
KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "End": "\ue010", "Escape": "\ue00c"}
"""As WebDriver writes them."""
SECONDS = 20
_WAIT = """new Promise((done, late) => {
    setTimeout(() => late(new Error("it did not come true")), SECONDS);
    const look = () => EXPRESSION ? done(true) : setTimeout(look, 50); // a window in the back has no animation frames
    look();
})"""
_MIDDLE = """new Promise((done, late) => {
    setTimeout(() => late(new Error("it cannot be clicked")), SECONDS);
    let before = "";
    const look = () => {
        const node = document.querySelector(SELECTOR);
        node?.scrollIntoView({ block: "center" });
        const { x, y, width, height } = node?.getBoundingClientRect() ?? {};
        const at = [Math.round(x + width / 2), Math.round(y + height / 2)];
        const now = JSON.stringify(at);
        if (now === before && node?.contains(document.elementFromPoint(...at))) return done(now);
        before = now;
        setTimeout(look, 50);
    };
    look();
})"""
_PREFERENCES = {"dom.input_events.security.minNumTicks": 0, "dom.input_events.security.minTimeElapsedInMS": 0}
"""Else what is pressed in a page's first moments is dropped."""


class Firefox:
    """One window. `complaints` are the errors of scripts and of the console."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket, self._sent = socket, 0
        self.complaints: list[str] = []
        self.command("session.new", capabilities={})
        self.command("session.subscribe", events=["log.entryAdded"])
        # The window that it starts with never gets the focus, and its elements hear of none.
        self.context = self.command("browsingContext.create", type="window")["context"]
        self.command("browsingContext.activate", context=self.context)

    def command(self, method: str, **parameters: Any) -> Any:
        """The result of a command of the protocol."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message["type"] == "event" and message["params"]["level"] == "error":
                self.complaints.append(message["params"]["text"])
            if message.get("id") == self._sent:
                assert message["type"] == "success", message
                return message["result"]

    def open(self, address: str) -> None:
        """Go there and wait until it has loaded."""
        self.command("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def resize(self, width: int, height: int) -> None:
        """Have the page so many CSS pixels."""
        self.command("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height})

    def evaluate(self, expression: str) -> Any:
        """The text, number or truth value of an expression of JavaScript, awaited."""
        target = {"context": self.context}
        asked = {"expression": expression, "target": target, "awaitPromise": True, "userActivation": True}
        answer = self.command("script.evaluate", **asked)
        assert answer["type"] == "success", (expression, answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        self.evaluate(_WAIT.replace("EXPRESSION", f"({expression})").replace("SECONDS", str(SECONDS * 1000)))

    def click(self, selector: str) -> None:
        """Press the mouse on the first element of a CSS selector, once it stands still and nothing covers it."""
        middle = _MIDDLE.replace("SELECTOR", json.dumps(selector)).replace("SECONDS", str(SECONDS * 1000))
        x, y = json.loads(self.evaluate(middle))
        move = {"type": "pointerMove", "x": x, "y": y}
        self._act("pointer", move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def press(self, key: str) -> None:
        """Press a key."""
        value = KEYS.get(key, key)
        self._act("key", {"type": "keyDown", "value": value}, {"type": "keyUp", "value": value})

    def _act(self, kind: str, *actions: Mapping[str, Any]) -> None:
        source = {"type": kind, "id": kind, "actions": actions}
        self.command("input.performActions", context=self.context, actions=[source])


@contextmanager
def running_firefox(folder: Path, **preferences: Any) -> Iterator[Firefox]:
    """Firefox without a window, with a fresh profile in `folder` and these preferences."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        skip_or_fail(f"no Firefox: none of {', '.join(PROGRAMS)} is installed")
    profile = folder / "profile"
    profile.mkdir()
    all_of_them = {**_PREFERENCES, **preferences}
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in all_of_them.items())
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    command = [program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert running.stderr is not None
        with running.stderr as log:
            told = (re.search(r"WebDriver BiDi listening on (ws://\S+)", line) for line in log)
            address = next(filter(None, told), None)
            assert address, "Firefox did not start"
            socket = create_connection(f"{address[1]}/session", timeout=2 * SECONDS, suppress_origin=True)
            try:
                yield Firefox(socket)
            finally:
                socket.close()
    finally:
        running.terminate()
        running.wait(timeout=SECONDS)
