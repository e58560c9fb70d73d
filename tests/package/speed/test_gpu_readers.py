"""Records that readers send: what is refused, and how the table shows the others."""

import copy
import json

import pytest

from experiments.gpu import readers, webgpu
from unrolled.speed import gpu_readers

ROW = {
    "size": "any",
    "median": 0.002,
    "quartiles": [0.001, 0.003],
    "dispatches": 1,
    "repeats": 5,
    "work": 4e6,
    "bytes": 1e6,
}
GOOD = {
    "format": "unrolled-webgpu-1",
    "date": "2026-11-30",
    "device": {
        "vendor": "intel",
        "architecture": "xe",
        "device": "",
        "description": "",
        "software": False,
    },
    "browser": "Chromium",
    "clock": "timestamps",
    "kernels": gpu_readers.kernels(),
    "proofs": [{"rung": r, "gap": 1e-6, "right": True} for r in gpu_readers.PROVED],
    "times": [
        ROW | {"group": group, "rung": rung}
        for group, rungs in gpu_readers.RUNGS.items()
        for rung in rungs
    ],
    "left_out": [
        {"group": "product", "size": "any", "rung": "plain", "left_out": "too long"}
    ],
}


def changed(*path_and_value):
    """A good record with one value changed."""
    *path, last, value = path_and_value
    record = copy.deepcopy(GOOD)
    place = record
    for key in path:
        place = place[key]
    place[last] = value
    return record


def test_a_good_record_has_no_faults():
    assert gpu_readers.faults(GOOD) == []
    assert gpu_readers.kernels() == webgpu.kernels()


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ([], "the record is not an object"),
        ({k: v for k, v in GOOD.items() if k != "clock"}, "the record lacks clock"),
        (GOOD | {"owner": "me"}, "owner, which is not in the format"),
        (changed("format", "unrolled-webgpu-0"), "format is"),
        (changed("date", "30.11.2026"), "not a day"),
        (changed("date", "2026-13-01"), "not a day"),
        (changed("device", "software", True), "a software adapter, not a GPU"),
        (changed("device", "software", "no"), "device: software is 'no'"),
        (changed("device", "vendor", "x\ny"), "cannot be printed"),
        (changed("browser", "x" * 999), "too long"),
        (changed("clock", "sundial"), "clock is 'sundial'"),
        (changed("kernels", "0" * 16), "not those of the book now"),
        (changed("proofs", 0, "right", False), "is wrong by"),
        (changed("proofs", 0, "gap", 0.01), "is wrong by 1.0e-02"),
        (changed("proofs", 0, "gap", float("nan")), "gap is nan"),
        (changed("proofs", GOOD["proofs"][1:]), "not those of every rung"),
        (changed("times", []), "nothing was timed"),
        (changed("times", 0, "rung", "fast"), "there is no such rung"),
        (changed("times", 0, "median", -1.0), "do not enclose the median"),
        (changed("times", 0, "median", True), "median is True"),
        (changed("times", 0, "quartiles", [0.003, 0.001]), "do not enclose"),
        (changed("times", 0, "quartiles", ["a", 1]), "do not enclose"),
        (changed("times", 0, "dispatches", 0), "are at least 1"),
        (changed("left_out", [1]), "left_out[0] is not an object"),
    ],
)
def test_a_fault_is_one_line(record, says):
    found = gpu_readers.faults(record)
    assert any(says in fault for fault in found), found
    assert all("\n" not in fault for fault in found)


def test_a_file_with_faults_is_refused_by_name(tmp_path, capsys):
    for name, text in {
        "good": json.dumps(GOOD),
        "bad": json.dumps(changed("clock", "sundial")),
        "broken": "{",
    }.items():
        (tmp_path / f"{name}.json").write_text(text)
    assert gpu_readers.read(tmp_path / "good.json") == GOOD
    with pytest.raises(ValueError, match="^bad.json: clock is 'sundial'$"):
        gpu_readers.read(tmp_path / "bad.json")
    with pytest.raises(ValueError, match="^broken.json is not JSON$"):
        gpu_readers.read(tmp_path / "broken.json")
    paths = [str(tmp_path / f"{name}.json") for name in ("good", "bad")]
    assert readers.main(paths[:1]) == 0
    assert readers.main([*paths, str(tmp_path / "broken.json")]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{paths[0]}: in order"
    assert said[2:] == [
        f"{paths[1]}: clock is 'sundial'",
        f"{tmp_path / 'broken.json'}: it is not JSON",
    ]
    with pytest.raises(SystemExit, match="2"):
        readers.main([str(tmp_path / "none.json")])
    assert capsys.readouterr().err.endswith("none.json\n")


def test_the_table_shows_the_fastest_first(tmp_path):
    assert gpu_readers.table(tmp_path) == "Nobody has sent a record yet."
    slow = changed("device", "description", "Slow 1")
    fast = changed("device", "description", "Fast 2")
    for row in fast["times"]:
        one = row["rung"] == "forward, one dispatch"
        row |= {"median": 4e-6, "quartiles": [3e-6, 5e-6], "work": 2e6 if one else 4e6}
    fast["times"] = [r for r in fast["times"] if r["rung"] != "plain"]
    for name, record in (("a", slow), ("b", fast)):
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    *_, head, first, second = gpu_readers.table(tmp_path).splitlines()
    assert head.split() == ["device", "plain", "tiled", "blocked", "LSTM", "gain"]
    assert first.split()[-5:] == ["-", "1000", "1000", "500", "1.0"]
    assert first.startswith("Fast 2, intel, xe") and second.startswith("Slow 1")
    assert second.split()[-5:] == ["2", "2", "2", "2", "1.0"]


def test_every_record_in_the_folder_is_in_order():
    for path in sorted((gpu_readers.records.FOLDER / "gpu/readers").glob("*.json")):
        assert gpu_readers.read(path)
