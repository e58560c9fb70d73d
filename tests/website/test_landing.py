"""The landing page's figure: the graph it is drawn from, and that it moves a little and stops."""

import re

from book._ext.page import landing
from tests.support.paths import BOOK
from unrolled.drawing import graph

STYLE = (BOOK / "_static/landing.css").read_text("utf-8")


def test_the_figure_has_every_node_and_edge_of_the_graph():
    rnn = graph.unrolled_rnn(5)
    svg = landing.drawing("A network & its words.")
    assert svg.count("<circle") == sum(node.kind == "state" for node in rnn.nodes) == 6
    assert svg.count("<rect") == sum(node.kind != "state" for node in rnn.nodes) == 10
    # and the loop that it unrolls from
    assert svg.count("<polygon") == len(rnn.edges) + 1
    assert svg.count('class="through-time"') == 5
    assert 'aria-label="A network &amp; its words."' in svg
    for word in landing.WORDS:
        assert f">{word}</text>" in svg


def seconds(text):
    return [
        float(number) for number in re.findall(r"(?<![\w.-])(\d+(?:\.\d+)?)s\b", text)
    ]


def test_it_moves_for_less_than_five_seconds_and_only_where_motion_is_welcome():
    still, moving = STYLE.split("@media (prefers-reduced-motion: no-preference)")
    assert "animation" not in still
    moving = moving.split("@keyframes")[0]
    each = [seconds(rule) for rule in re.findall(r"animation: [^;]+", moving)]
    delays = [seconds(rule) for rule in re.findall(r"animation-delay: [^;]+", moving)]
    longest = max(times[0] for times in each if times)
    latest = max(times[-1] for times in [*delays, *each] if times)
    assert longest + latest < 5
    assert "infinite" not in moving
