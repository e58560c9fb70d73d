"""`make attest`: a record stands if its witness still says what it said, and only then."""

import json

import pytest

from experiments import attest
from unrolled import records

SCRIPT = """
from unrolled import cell

SIZE = 3
RECORDS = {"one": run, "bench": run}


def run():
    return cell.forward(SIZE)
"""
CELL = "def forward(x):\n    return x + 1\n"
SEEN = records.Testimony([2.0, 0.5], frozenset({"unrolled.cell.forward"}))


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Two records, one with a witness, of a script whose code has changed since."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    for path, source in (
        ("experiments/script.py", SCRIPT),
        ("code/unrolled/cell.py", CELL),
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(source)
    given = {"settings": {}, "seed": 0}
    records.write(records.begin("one"), {}, witness=lambda: SEEN.losses, **given)
    records.write(records.begin("bench"), {}, **given)
    (tmp_path / "code/unrolled/cell.py").write_text(CELL.replace("x + 1", "1 + x"))
    return tmp_path


def seeing(losses):
    return lambda name: SEEN._replace(losses=losses)


def test_the_same_losses_make_a_record_stand(root, capsys):
    near = [2.0, 0.5 * (1 + attest.TOLERANCE / 2)]
    assert records.is_stale(records.load("one"))
    assert attest.main(["one"], seeing(near)) == 0
    record = records.load("one")
    assert not records.is_stale(record) and record["witness"]["losses"] == SEEN.losses
    assert record["reproduced"]["difference"] == pytest.approx(
        attest.TOLERANCE / 2, rel=1e-3
    )
    assert set(record["reproduced"]) == {"commit", "date", "device", "difference"}
    assert "one: reproduced, to" in capsys.readouterr().out


@pytest.mark.parametrize(
    "losses", [[2.0, 0.5 * (1 + 2 * attest.TOLERANCE)], [2.0], [2.0, 0.5, 1.0]], ids=str
)
def test_other_losses_leave_it_stale(root, losses, capsys):
    before = (root / "results/one.json").read_text()
    assert attest.main(["one"], seeing(losses)) == 1
    assert (root / "results/one.json").read_text() == before
    assert "one: NOT reproduced" in capsys.readouterr().out


def test_a_benchmark_is_never_attested(root, capsys):
    assert attest.main(["bench"], None) == 1
    assert "bench: stale, a benchmark: make results" in capsys.readouterr().out


def test_a_record_whose_data_changed_is_not_asked(root, capsys):
    record = records.load("one")
    (root / "results/weights.npz").write_bytes(b"1")
    records.save(record | {"data": {"results/weights.npz": "another"}})
    assert attest.main(["one"], None) == 1
    assert (
        "one: stale, results/weights.npz changed: make results"
        in capsys.readouterr().out
    )


def test_only_what_is_stale_is_asked_unless_all_is(root):
    asked = []

    def testify(name):
        asked.append(name)
        return SEEN

    assert attest.main([], testify) == 1 and asked == ["one"]  # the benchmark is stale
    attest.main([], testify)
    assert asked == ["one"]
    attest.main(["--all"], testify)
    assert asked == ["one", "one"]


def test_what_is_no_record_is_one_clear_line(root, capsys):
    with pytest.raises(SystemExit):
        attest.main(["two"], None)
    assert "no record two" in capsys.readouterr().err


def test_a_setting_of_the_script_that_changed_is_another_experiment(root, capsys):
    (root / "experiments/script.py").write_text(SCRIPT.replace("SIZE = 3", "SIZE = 4"))
    assert attest.main(["one"], None) == 1
    assert (
        "one: stale, experiments.script.SIZE changed: make results"
        in capsys.readouterr().out
    )


def test_a_function_that_the_witness_does_not_run_is_not_vouched_for(root, capsys):
    assert attest.main(["one"], lambda name: SEEN._replace(ran=frozenset())) == 1
    said = capsys.readouterr().out
    assert (
        "one: stale, its witness does not run unrolled.cell.forward: make results"
        in said
    )


WITH_FIELDS = """from typing import NamedTuple


class Pair(NamedTuple):
    one: int


def forward(x):
    return Pair(1).one + x
"""
WITH_A_FUNCTION = WITH_FIELDS.replace(
    "    one: int\n", "    one: int\n\n    def two(self):\n        return 2\n"
)


@pytest.mark.parametrize(
    ("cell", "stands"), [(WITH_FIELDS, True), (WITH_A_FUNCTION, False)]
)
def test_a_class_is_run_by_its_functions_and_has_nothing_to_run_without(
    root, capsys, cell, stands
):
    (root / "code/unrolled/cell.py").write_text(cell)
    assert attest.main(["one"], seeing(SEEN.losses)) == int(not stands)
    said = "reproduced" if stands else "its witness does not run unrolled.cell.Pair"
    assert said in capsys.readouterr().out


def test_a_record_with_a_witness_has_its_losses_and_its_modules(root):
    record = json.loads((root / "results/one.json").read_text())
    assert record["witness"] == {"losses": SEEN.losses, "entered": []}


@pytest.mark.slow
def test_a_witness_is_asked_in_a_process_of_its_own():
    seen = attest.in_a_process("adding_problem")
    losses = records.load("adding_problem")["witness"]["losses"]
    assert attest.difference(losses, seen.losses) <= attest.TOLERANCE
    assert {"unrolled.cells.rnn.backward", "unrolled.training.train.train"} <= seen.ran
    assert "rnn" in seen.entered


def test_the_tolerance_lies_between_another_processor_and_another_program():
    found = records.load("witness_spread")["results"]
    assert (
        found["largest_of_processor"] < attest.TOLERANCE < found["smallest_of_program"]
    )
    with_witness = {
        name for name in attest.recorded() if "witness" in records.load(name)
    }
    assert found["witnesses"].keys() == with_witness


def test_a_witness_that_says_nothing_is_refused(root):
    with pytest.raises(ValueError, match="a witness returns finite numbers"):
        records.testified(lambda: [float("nan")])
