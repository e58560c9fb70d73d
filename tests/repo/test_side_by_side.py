"""The order in which processes side by side take the tests, and their groups."""

import json
from types import SimpleNamespace

import pytest

from tests.support import side_by_side


class Id(str):
    """What pytest keeps a test's id in."""

    parse = classmethod(lambda kind, text: kind(text))


class Test:
    """A collected test, with what the plugin asks of it."""

    __test__ = False

    def __init__(self, root, nodeid, **marks):
        self._id, self.path = Id(nodeid), root / nodeid.partition("::")[0]
        self.marks = {name: SimpleNamespace(args=args) for name, args in marks.items()}

    @property
    def nodeid(self):
        return str(self._id)

    def get_closest_marker(self, name):
        return self.marks.get(name)


@pytest.fixture
def order(tmp_path):
    """Gives the ids of a few tests in their order."""

    def ordered(loadgroup, record=None):
        if record is not None:
            (tmp_path / "results").mkdir(exist_ok=True)
            (tmp_path / "results/checks.json").write_text(json.dumps(record))
        config = SimpleNamespace(
            rootpath=tmp_path, getoption=lambda name, default: loadgroup
        )
        items = [
            Test(tmp_path, "tests/test_a.py::test_quick"),
            Test(tmp_path, "tests/test_b.py::test_one[1]", xdist_group=("b-1",)),
            Test(tmp_path, "tests/test_b.py::test_one[2]", xdist_group=("b-2",)),
            Test(tmp_path, "tests/test_c.py::test_seen", site=()),
            Test(tmp_path, "tests/test_d.py::TestD::test_slow"),
            Test(tmp_path, "tests/test_d.py::test_other"),
        ]
        side_by_side.pytest_collection_modifyitems(config, items)
        return [item.nodeid.removeprefix("tests/") for item in items]

    return ordered


RECORD = {
    "tests": {
        "tests/test_a.py": {"test_quick": 3},
        "tests/test_b.py": {"test_one": {"passed": 2, "seconds": 30}},
        "tests/test_d.py": {"TestD::test_slow": {"passed": 1, "seconds": 20}},
    }
}


def test_the_groups_that_took_longest_begin(order):
    assert order(True, RECORD) == [
        "test_d.py::TestD::test_slow@tests.test_d",
        "test_d.py::test_other@tests.test_d",
        "test_b.py::test_one[1]@b-1",
        "test_b.py::test_one[2]@b-2",
        "test_c.py::test_seen@tests.test_c",
        "test_a.py::test_quick@tests.test_a",
    ]


@pytest.mark.parametrize("record", [None, {}])
def test_without_a_record_those_of_the_site_begin(order, record):
    found = order(True, record)
    assert found[0] == "test_c.py::test_seen@tests.test_c"
    assert found[1] == "test_a.py::test_quick@tests.test_a"


def test_a_single_process_keeps_the_order_of_files(order):
    found = order(False, RECORD)
    assert found[0] == "test_c.py::test_seen"
    assert found[1:] == [
        "test_a.py::test_quick",
        "test_b.py::test_one[1]",
        "test_b.py::test_one[2]",
        "test_d.py::TestD::test_slow",
        "test_d.py::test_other",
    ]
