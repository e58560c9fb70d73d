"""A pytest plugin: the order of the tests, and which of them share a process under pytest-xdist.

Tests of one file share what is costly to make, so each file is a group unless its tests name
groups of their own (`xdist_group`), and `--dist loadgroup` keeps a group in one process. It reads
the group from the end of a test's id, where xdist 3.8 writes it in a way that pytest 9.2 does not
see.

The groups that took longest in the last whole run begin, so that all processes end together. Its
record (`make checks`) has the seconds of each test.
"""

import json
from collections import Counter

import pytest

RECORD = "results/checks.json"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Begins with the groups that take longest, and says each test's group."""
    is_shared = config.getoption("loadgroup", False)
    lasted = seconds(items, config.rootpath) if is_shared else Counter()
    groups = {item: group_of(item, config.rootpath) for item in items}
    total, of_site = Counter(), set()
    for item, group in groups.items():
        total[group] += lasted[item]
        if item.get_closest_marker("site"):
            of_site.add(group)
    items.sort(key=lambda item: (-total[groups[item]], groups[item] not in of_site))
    for item in items:
        if is_shared and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = type(item._id).parse(f"{item.nodeid}@{groups[item]}")


def group_of(item, root):
    """Returns the name of a test's group: the one that its mark says, or else its file."""
    if mark := item.get_closest_marker("xdist_group"):
        return mark.args[0]
    return item.path.relative_to(root).with_suffix("").as_posix().replace("/", ".")


def seconds(items, root):
    """Returns how long each test took in the recorded run: its share of its function's seconds."""
    try:
        recorded = json.loads((root / RECORD).read_text("utf-8"))["tests"]
    except (OSError, ValueError, KeyError):
        recorded = {}
    names = {item: item.nodeid.partition("[")[0].partition("@")[0] for item in items}
    cases = Counter(names.values())

    def lasted(name):
        file, _, function = name.partition("::")
        found = recorded.get(file, {}).get(function)
        return found.get("seconds", 0) if isinstance(found, dict) else 0

    return {item: lasted(name) / cases[name] for item, name in names.items()}
