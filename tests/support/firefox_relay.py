"""The system's Firefox, as a program that Playwright can start.

Playwright drives a Firefox that nobody has patched by WebDriver BiDi, and sends to each window a
command of that protocol which Firefox 153 does not know: the one that sets the theme and other
wishes of the reader. This program starts Firefox with its own arguments, relays everything
between the two, answers this command itself, and makes warnings errors, which alone Playwright
passes on. The relay is no longer needed once Firefox ESR knows
`emulation.setMediaFeaturesOverride`.
"""

import asyncio
import contextlib
import json
import os
import re
import sys

from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import (
    WebSocketClosedError,
    WebSocketHandler,
    websocket_connect,
)

from book._ext.build.serve import listening

LISTENS = re.compile(r"(?<=WebDriver BiDi listening on )ws://\S+")
UNKNOWN = "emulation.setMediaFeaturesOverride"
LARGEST = 2**30  # bytes of a message


class Relay(WebSocketHandler):
    """Between Playwright, which connects to it, and Firefox, to which it connects."""

    firefox = None

    async def open(self, *arguments):
        self.firefox = await websocket_connect(
            f"{self.settings['firefox']}/session", max_message_size=LARGEST
        )
        self.answers = asyncio.ensure_future(self.pass_answers_on())

    async def pass_answers_on(self):
        with contextlib.suppress(WebSocketClosedError):  # Playwright has left
            while (message := await self.firefox.read_message()) is not None:
                if '"log.entryAdded"' in message:
                    message = loud(message)
                await self.write_message(message)
        self.close()

    async def on_message(self, message):
        asked = json.loads(message)
        if asked["method"] == UNKNOWN:
            answer = {"type": "success", "id": asked["id"], "result": {}}
            await self.write_message(json.dumps(answer))
        else:
            with contextlib.suppress(WebSocketClosedError):  # Firefox has ended
                await self.firefox.write_message(message)

    def on_close(self):
        if self.firefox is not None:
            self.firefox.close()


def loud(message):
    """Returns a message of the console as an error, since Playwright drops Firefox's warnings."""
    told = json.loads(message)
    if told["params"]["type"] == "javascript":
        told["params"]["level"] = "error"
    return json.dumps(told)


def serve(address):
    """Relays to Firefox at an address, and returns its own."""
    application = Application(
        [("/.*", Relay)], firefox=address, websocket_max_message_size=LARGEST
    )
    place = listening(0)
    place.setblocking(False)
    HTTPServer(application).add_socket(place)
    return f"ws://127.0.0.1:{place.getsockname()[1]}"


async def main(program, *arguments):
    firefox = await asyncio.create_subprocess_exec(
        program, *arguments, stderr=asyncio.subprocess.PIPE
    )
    while line := (await firefox.stderr.readline()).decode("utf-8", "replace"):
        line = LISTENS.sub(lambda found: serve(found[0]), line)
        print(line, end="", file=sys.stderr, flush=True)
    return await firefox.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(os.environ["UNROLLED_FIREFOX"], *sys.argv[1:])))
