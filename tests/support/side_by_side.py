"""A pytest plugin: the order of the tests, and which of them share a process under pytest-xdist.

Tests of one file share what is costly to make, so each file is a group unless its tests name
groups of their own (`xdist_group`), and `--dist loadgroup` keeps a group in one process. It reads
the group from the end of a test's id, where xdist 3.8 writes it in a way that pytest 9.2 does not
see.
"""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Begins with the tests that take longest, and says each one's group."""
    items.sort(key=lambda item: item.get_closest_marker("site") is None)
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        group = (
            mark.args[0]
            if mark
            else item.path.relative_to(config.rootpath)
            .with_suffix("")
            .as_posix()
            .replace("/", ".")
        )
        if (
            config.getoption("loadgroup", False)
            and "@" not in item.nodeid.rpartition("]")[2]
        ):
            item._id = type(item._id).parse(f"{item.nodeid}@{group}")
