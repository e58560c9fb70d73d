"""A window of WebKit, driven by the protocol at w3.org/TR/webdriver2."""

import http.client
import json

from tests.support.windows import Window


class WebDriverError(Exception):
    """What the driver answered instead of a value."""


KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Control": "\ue009",
    "Escape": "\ue00c",
    "ArrowRight": "\ue014",
}
HEAR = """if (!window.troubles) {
  window.troubles = [];
  const hear = (text) => window.troubles.push(text);
  addEventListener("error", (event) => hear(event.message ?? "an error"));
  addEventListener("unhandledrejection", (event) => hear(String(event.reason)));
  addEventListener("securitypolicyviolation", (event) => hear(event.violatedDirective));
  for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = hear;
}"""


class WebKitWindow(Window):
    """What a reader does in WebKit.

    A driven window does not pass on what its console says: errors are heard from the first script
    that a page is given, and collected before the page may be left. A touch is asked for as one,
    and WebKit for GTK makes it a click.
    """

    def __init__(self, port, browser, origin, touch=False):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.origin, self.touch = origin, touch
        self.heard, self.at = [], ""
        options = {"binary": str(browser), "args": ["--automation"]}
        always = {"webkitgtk:browserOptions": options}
        session = self.ask("session", capabilities={"alwaysMatch": always})
        self.at = f"/session/{session['sessionId']}"

    def ask(self, path, method="POST", **body):
        """Sends a command to the driver, and returns the value of the answer."""
        text = json.dumps(body) if method == "POST" else None
        address = f"{self.at}/{path}".rstrip("/")
        self.connection.request(method, address, text)
        value = json.loads(self.connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise WebDriverError(f"{value['error']}: {value['message']}")
        return value

    def go(self, address):
        self.troubles()
        self.ask("url", url=address)
        self.troubles()

    def reload(self):
        self.troubles()
        self.ask("refresh")
        self.troubles()

    def evaluate(self, script, argument=None):
        body = (
            f"{HEAR} const given = ({script});"
            "return typeof given === 'function' ? given(arguments[0]) : given;"
        )
        return self.ask("execute/sync", script=body, args=[argument])

    def press(self, selector):
        self.wait_for("selector => !!document.querySelector(selector)", selector)
        self.troubles()
        (element,) = self.ask(
            "element", using="css selector", value=selector
        ).items()  # the key of the answer is one that the protocol fixes
        if not self.touch:
            self.ask(f"element/{element[1]}/click")
            return
        self.evaluate(
            "selector => document.querySelector(selector).scrollIntoView({block: 'center'})",
            selector,
        )
        centre = {"duration": 0, "x": 0, "y": 0, "origin": dict([element])}
        steps = [
            {"type": "pointerMove", **centre},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self.act("pointer", steps, parameters={"pointerType": "touch"})

    def key(self, keys):
        self.troubles()
        names = keys.split("+")
        values = [KEYS.get(name, name) for name in names]
        steps = [{"type": "keyDown", "value": value} for value in values]
        steps += [{"type": "keyUp", "value": value} for value in reversed(values)]
        self.act("key", steps)

    def act(self, kind, steps, **settings):
        source = {"type": kind, "id": kind, "actions": steps, **settings}
        self.ask("actions", actions=[source])

    def resize(self, width, height):
        self.ask("window/rect", width=width, height=height)
        self.wait_for("width => innerWidth === width", width)

    def troubles(self):
        self.heard += self.evaluate("window.troubles.splice(0)")
        return self.heard

    def close(self):
        self.ask("", "DELETE")
        self.connection.close()
