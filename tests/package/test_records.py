"""Records say what they were made with, and notice when the code has changed."""

import json

import numpy as np
import pytest

from tests.support.damage import damaged
from unrolled import dependencies, records

SCRIPT = "import math\n\nRECORDS = {'one': f, 'deep/one': f}\n\n\ndef f(x):\n    return x + 1\n"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/script.py").write_text(SCRIPT)
    return tmp_path


def change(root, before="x + 1", after="x + 2"):
    (root / "experiments/script.py").write_text(SCRIPT.replace(before, after))


def write(name="one", results=(), **given):
    return records.write(
        records.begin(name), dict(results), settings={}, seed=0, **given
    )


def test_a_record_says_what_it_was_made_with(root):
    run = records.begin("deep/one")
    path = records.write(run, {"loss": 1.5}, settings={"H": 3}, seed=4)
    record = records.load("deep/one")
    written = json.loads(path.read_text())
    assert written == record | {"checksum": records.checksum(record)}
    assert record["results"] == {"loss": 1.5} and record["settings"] == {"H": 3}
    assert (
        record["seed"] == 4 and record["commit"] == "unknown" and record["data"] == {}
    )
    assert set(record["code"]) == {"experiments.script.RECORDS", "experiments.script.f"}
    assert set(record["versions"]) == {"python", "numpy"} and record["device"]
    assert "witness" not in record and not records.is_stale(record)


def test_versions_of_another_environment_stand_beside_our_own(root):
    write(packages=("numpy", "nothing"), elsewhere={"theano": "1.0.5"})
    versions = records.load("one")["versions"]
    assert versions["theano"] == "1.0.5" and versions["nothing"] == "not installed"
    assert set(versions) == {"python", "numpy", "nothing", "theano"}


def test_what_changed_is_named(root):
    write()
    change(root)
    assert records.changes(records.load("one")) == ["experiments.script.f"]
    assert records.is_stale(records.load("one"))


def test_a_comment_makes_nothing_stale(root):
    write()
    change(root, "return x + 1", "return x + 1  # for the bias")
    assert not records.is_stale(records.load("one"))


def test_the_code_of_a_long_run_is_that_of_its_beginning(root):
    run = records.begin("one")
    change(root)
    records.write(run, {}, settings={}, seed=0)
    assert records.is_stale(records.load("one"))


def test_a_digest_names_the_code_of_a_run(root):
    before = records.digest(records.begin("one"))
    assert records.digest(records.begin("one")) == before
    change(root)
    assert records.digest(records.begin("one")) != before


def test_a_record_that_no_script_makes_is_refused_and_stale(root):
    write()
    change(root, "'one': f, ", "")
    assert records.is_stale(records.load("one"))
    with pytest.raises(dependencies.NoScript, match="no script"):
        records.begin("one")


def test_what_a_run_reads_of_other_records_is_its_data(root):
    (root / "results").mkdir()
    np.savez(root / "results/weights.npz", W=np.ones(2))
    np.savez(root / "results/one.npz", W=np.ones(2))
    np.savez(root / "elsewhere.npz", W=np.ones(2))
    run = records.begin("one")
    for path in ("results/weights.npz", "results/one.npz", "elsewhere.npz"):
        np.load(root / path).close()
    records.write(run, {}, settings={}, seed=0)
    assert list(records.load("one")["data"]) == ["results/weights.npz"]
    np.savez(root / "results/weights.npz", W=np.zeros(2))
    assert records.changes(records.load("one")) == ["results/weights.npz"]
    (root / "results/weights.npz").unlink()
    assert records.is_stale(records.load("one"))


def test_a_record_names_the_files_that_it_rests_on(root):
    write()
    assert records.files_of(records.load("one")) == ["experiments/script.py"]


def test_a_number_that_is_not_finite_is_refused_and_nothing_is_left_behind(root):
    with pytest.raises(ValueError, match="JSON"):
        write(results={"x": float("nan")})
    assert list((root / "results").glob("*")) == []


def test_missing_and_broken_records_are_named(root):
    with pytest.raises(FileNotFoundError, match="no record one: make results writes"):
        records.load("one")
    (root / "results").mkdir()
    for content in (b"{", b"[1]", b"{}", b"", b"\xff{}", b"1", b"\0" * 9, b"[" * 10**5):
        (root / "results" / "one.json").write_bytes(content)
        with pytest.raises(
            ValueError, match=r"^results/one\.json is damaged or not a record; make"
        ):
            records.load("one")


def test_a_record_without_code_data_or_results_is_named(root):
    write()
    whole = records.load("one")
    for lost in ("code", "data", "results"):
        records.save({name: said for name, said in whole.items() if name != lost})
        with pytest.raises(ValueError, match=r"one\.json is damaged or not a record"):
            records.load("one")
    records.save(whole | {"code": ["experiments.script.f"]})
    with pytest.raises(ValueError, match=r"one\.json is damaged or not a record"):
        records.load("one")


def test_a_number_that_was_changed_by_hand_is_noticed(root):
    path = write(results={"loss": 1.25})
    path.write_text(path.read_text().replace("1.25", "1.24"))
    with pytest.raises(ValueError, match="is damaged"):
        records.load("one")


def test_a_record_is_saved_with_a_new_checksum(root):
    write(results={1: (0.1, 2)})
    record = records.load("one")
    assert record["results"] == {"1": [0.1, 2]}
    records.save(record | {"seed": 7})
    assert records.load("one") == record | {"seed": 7}


@pytest.mark.parametrize(
    "number", [500, pytest.param(5000, marks=pytest.mark.slow, id="5000")]
)
def test_a_record_damaged_at_random_says_the_same_or_that_it_is_damaged(
    root, number, record_property
):
    path = write(
        results={"loss": [0.1, 1.5e-7], "words": {"é": 3}}, witness=lambda: [1]
    )
    content, record = path.read_bytes(), records.load("one")
    rng, same = np.random.default_rng(number), 0
    for _ in range(number):
        path.unlink()  # to write in an old file takes some systems ten times as long
        path.write_bytes(damaged(content, rng))
        try:
            assert records.load("one") == record
            same += 1
        except ValueError as error:
            assert "is damaged" in str(error) and "\n" not in str(error)
    found = {"what": "records", "same": same, "refused": number - same}
    record_property("damaged", found)
    assert 0 < same < number / 5  # only spaces between the parts do not matter


@pytest.mark.parametrize("name", ["../one", "../../one", "deep/../../one"])
def test_a_name_leads_to_no_file_outside_of_the_folder(root, name):
    path = write()
    for outside in (root, root.parent):
        (outside / "one.json").write_bytes(path.read_bytes())
    (root / "results/deep").mkdir()
    with pytest.raises(FileNotFoundError, match="no record"):
        records.load(name)
