"""`make attest`: a record stands if its witness still says what it said, and only then."""

import json

import pytest

from experiments import attest
from unrolled import records

SCRIPT = "SEED = 0\nRECORDS = {'one': SEED, 'bench': SEED}\n"
SEEN = {"losses": [2.0, 0.5], "entered": []}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Two records, one with a witness, of a script whose constant has changed since."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    (tmp_path / "experiments").mkdir()
    script = tmp_path / "experiments/script.py"
    script.write_text(SCRIPT)
    given = {"settings": {}, "seed": 0}
    records.write(records.begin("one"), {}, witness=lambda: SEEN["losses"], **given)
    records.write(records.begin("bench"), {}, **given)
    script.write_text(SCRIPT.replace("SEED = 0", "SEED = 0.0"))
    return tmp_path


def test_the_same_losses_make_a_record_stand(root, capsys):
    near = SEEN | {"losses": [2.0, 0.5 * (1 + attest.TOLERANCE / 2)]}
    assert records.is_stale(records.load("one"))
    assert attest.main(["one"], lambda name: near) == 0
    record = records.load("one")
    assert not records.is_stale(record) and record["witness"]["losses"] == SEEN["losses"]
    assert record["reproduced"]["difference"] == pytest.approx(attest.TOLERANCE / 2, rel=1e-3)
    assert set(record["reproduced"]) == {"commit", "date", "device", "difference"}
    assert "one: reproduced, to" in capsys.readouterr().out


@pytest.mark.parametrize(
    "losses", [[2.0, 0.5 * (1 + 2 * attest.TOLERANCE)], [2.0], [2.0, 0.5, 1.0]], ids=str
)
def test_other_losses_leave_it_stale(root, losses, capsys):
    before = (root / "results/one.json").read_text()
    assert attest.main(["one"], lambda name: SEEN | {"losses": losses}) == 1
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
    assert "one: stale, results/weights.npz changed: make results" in capsys.readouterr().out


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


def test_a_record_with_a_witness_has_its_losses_and_its_modules(root):
    seen = json.loads((root / "results/one.json").read_text())["witness"]
    assert seen == SEEN


def test_a_witness_that_says_nothing_is_refused(root):
    with pytest.raises(ValueError, match="a witness returns finite numbers"):
        records.testified(lambda: [float("nan")])
