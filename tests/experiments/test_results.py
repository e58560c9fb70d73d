"""Which recorded results `make results` makes, in which order, and when it stops."""

import json
import re
import sys
import threading

import pytest

from book._ext.evidence import record_roles
from experiments import all as experiments
from unrolled import dependencies, records


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Three records, of which the second is stale and the third missing."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    (tmp_path / "experiments").mkdir()
    script = tmp_path / "experiments/script.py"
    script.write_text("x = 1\ny = 1\nRECORDS = {'fresh': x, 'old': y}\n")
    for name in ("fresh", "old"):
        records.write(records.begin(name), {}, settings={}, seed=0)
    script.write_text("x = 1\ny = 2\nRECORDS = {'fresh': x, 'old': y}\n")
    return tmp_path / "results"


EVENTS = ("begins", "ends")


def making(command, after=(), minutes=1, alone=False):
    return dependencies.Making((command,), after, minutes, alone)


MAKINGS = {"fresh": making("a"), "old": making("b"), "new": making("c", minutes=89)}


class Runs:
    """Notes what begins and ends; a run ends when `together` of them have begun."""

    def __init__(self, together=1, status=0):
        self.events, self.status = [], status
        self.barrier = threading.Barrier(together)

    def __call__(self, name, making):
        self.events.append(f"{name} begins")
        self.barrier.wait(timeout=10)
        self.events.append(f"{name} ends")
        return self.status


def test_only_stale_and_missing_records_are_made(results, capsys):
    run = Runs(together=2)
    assert experiments.main([], MAKINGS, run) == 0
    assert {*run.events} == {"old begins", "old ends", "new begins", "new ends"}
    assert capsys.readouterr().out == "fresh: up to date\nold: stale\nnew: missing\n"


def test_one_job_runs_one_script_at_a_time(results):
    run = Runs()
    assert experiments.main(["--jobs", "1"], MAKINGS, run) == 0
    assert run.events == ["old begins", "old ends", "new begins", "new ends"]


def test_what_measures_times_runs_alone_and_what_builds_on_others_after_them(results):
    makings = {
        "after": making("a", after=("times",)),
        "times": making("b", alone=True),
        "old": making("c"),
    }
    run = Runs()
    assert experiments.main(["--jobs", "3"], makings, run) == 0
    wanted = [
        f"{name} {event}" for name in ("old", "times", "after") for event in EVENTS
    ]
    assert run.events == wanted


def test_a_script_that_fails_ends_the_round_with_its_status(results, capsys):
    run = Runs(status=7)
    assert experiments.main(["--jobs", "1"], MAKINGS, run) == 7
    assert run.events == ["old begins", "old ends"]
    error = capsys.readouterr().err
    assert error.startswith("experiments.all: old ended with status 7: see ")
    assert error.endswith("_build/results/old.log\n")


def test_what_a_script_prints_is_kept_and_a_training_has_one_thread(
    results, monkeypatch
):
    calls = []

    def call(command, stdout, stderr, env):
        calls.append((command, env.get("OPENBLAS_NUM_THREADS")))
        stdout.write("ten of ten\n")
        return 3

    monkeypatch.setattr(experiments.subprocess, "call", call)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert experiments.run("old", making("b")) == 3
    assert experiments.log_of("old").read_text() == "ten of ten\n"
    experiments.run("old", making("b", alone=True))
    assert calls == [([sys.executable, "-m", "b"], threads) for threads in ("1", "2")]


def test_a_damaged_record_is_made_again(results):
    (results / "fresh.json").write_text("{")
    assert experiments.state("fresh") == "damaged"
    run = Runs()
    experiments.main([], {"fresh": making("a")}, run)
    assert run.events == ["fresh begins", "fresh ends"]


def test_list_makes_nothing_and_says_how_long_each_takes(results, capsys):
    assert experiments.main(["--list"], MAKINGS, run=None) == 0
    assert capsys.readouterr().out == (
        "fresh: up to date (1 min)\nold: stale (1 min)\nnew: missing (89 min)\n"
        "from nothing: 1.5 hours on one core\n"
    )


def test_fewer_jobs_than_one_are_refused(capsys):
    with pytest.raises(SystemExit):
        experiments.main(["--jobs", "0"], MAKINGS, run=None)
    assert "--jobs must be at least 1, got 0" in capsys.readouterr().err


MADE = experiments.experiments()
RECORDED = [name for name in MADE if (records.FOLDER / f"{name}.json").is_file()]


@pytest.mark.parametrize("name", MADE)
def test_every_record_that_a_script_makes_is_there(name):
    assert name in RECORDED, f"run python -m {' '.join(MADE[name].command)}"


def test_no_two_records_are_made_by_the_same_command():
    made: dict[tuple[str, ...], str] = {}
    for name, making in MADE.items():
        other = made.setdefault(making.command, name)
        assert other == name, (
            f"python -m {' '.join(making.command)} makes {other} and {name}: say in ARGUMENTS,"
            " beside RECORDS, what makes each"
        )


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_is_made_after_those_it_read(name):
    order = [*MADE]
    read = {path.removeprefix("results/") for path in records.load(name)["data"]}
    read = {path.rpartition(".")[0] for path in read}
    after = [n for n in read & MADE.keys() if order.index(n) > order.index(name)]
    assert not after, f"name {after[0]} in BUILDS_ON of {MADE[name].command[0]}"


def test_what_a_script_says_of_its_records_names_records():
    scripts = dependencies.read(records.ROOT).modules
    for name in {making.command[0] for making in MADE.values()}:
        assert scripts[name].arguments.keys() <= scripts[name].records.keys(), name
        assert set(scripts[name].builds_on) <= {*records.scripts(), "*"}, name


def test_all_records_are_made_in_eight_hours_on_two_cores():
    minutes = {name: making.minutes for name, making in MADE.items()}
    unsaid = [name for name, m in minutes.items() if m < 1]
    assert not unsaid, f"say MINUTES = 5, or how many, beside RECORDS of {unsaid[0]}"
    alone = sum(making.minutes for making in MADE.values() if making.alone)
    rest = sum(minutes.values()) - alone
    assert max([rest / 2, *minutes.values()]) + alone < 8 * 60


def test_what_measures_times_runs_alone():
    measured = BENCHMARKS - {"pytorch", "witness_spread"} | {"frameworks_training"}
    alone = {name for name, making in MADE.items() if making.alone}
    assert alone == measured & MADE.keys(), "say ALONE = True beside RECORDS"


def test_every_record_says_what_it_needs_to_be_repeated():
    for path in sorted(records.FOLDER.rglob("*.json")):
        if path.name in record_roles.OF_THE_BOOK or path.parent.name == "readers":
            continue
        record = json.loads(path.read_text("utf-8"))
        assert (
            record["name"]
            == path.relative_to(records.FOLDER).with_suffix("").as_posix()
        )
        assert record["device"] and record["versions"]["python"] and record["code"]
        assert {"seed", "settings", "commit", "date", "data"} <= record.keys()


# They are measured again when their code changes, never attested.
BENCHMARKS = {
    "bench_ladder",
    "argument_checks",
    "bench_lstm",
    "data_parallel",
    "pytorch",
    "scan_times",
    "theano",
    "tfrecords",
    "unrolling",
    "witness_spread",
}


TRAININGS = [name for name in RECORDED if name not in BENCHMARKS]
WITNESSED = [name for name in RECORDED if "witness" in records.load(name)]


@pytest.mark.parametrize("name", RECORDED)
def test_every_record_but_a_benchmark_has_a_witness(name):
    assert ("witness" in records.load(name)) == (name not in BENCHMARKS), (
        f"give records.write of {MADE[name].command[0]} a witness, or name {name} in BENCHMARKS"
    )


def test_no_recorded_training_is_stale():
    stale = {
        name: changed
        for name in TRAININGS
        if (changed := records.changes(records.load(name)))
    }
    assert not stale, "make attest asks their witnesses; make results makes them again"


@pytest.fixture(scope="module")
def stale_after():
    """Returns which records a change of the package would make stale, of those with a witness."""
    sources = dependencies.sources(records.ROOT)
    entered = {name: records.load(name)["witness"]["entered"] for name in WITNESSED}

    def rest_on(sources):
        house = dependencies.House(sources)
        return {
            name: house.rests_on(name, modules) for name, modules in entered.items()
        }

    def find(module, pattern, replacement):
        changed, times = re.subn(pattern, replacement, sources[module])
        assert times, f"{pattern} is not in {module}"
        after = rest_on(sources | {module: changed})
        return {
            name for name in entered if dependencies.compared(before[name], after[name])
        }

    before = rest_on(sources)
    return find


@pytest.mark.parametrize(
    "module", ["data.text", "training.train", "cells.rnn", "cells.gru"]
)
def test_a_reworded_error_makes_no_record_stale(stale_after, module):
    assert not stale_after(
        f"unrolled.{module}", r"raise ValueError\(", "raise ValueError('so', "
    )


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("data.text", "    parts = Split"),
        ("training.train", "    settings = settings or"),
        ("cells.rnn", "    H = "),
        ("cells.gru", "    T, B = check_sequence"),
    ],
)
def test_a_new_guard_makes_no_record_stale(stale_after, module, line):
    guard = f"    if is_unheard_of(p):\n        raise ValueError('no')\n{line}"
    assert not stale_after(f"unrolled.{module}", re.escape(line), guard)


def test_a_changed_constant_makes_stale_exactly_the_records_that_run_it(stale_after):
    entered = {
        name: set(records.load(name)["witness"]["entered"]) for name in WITNESSED
    }
    with_gru = {name for name, modules in entered.items() if "gru" in modules}
    assert (
        stale_after("unrolled.cells.gru", r"\(1 - z\[t\]\)", "(2 - z[t])") == with_gru
    )
    with_lstm = {name for name, modules in entered.items() if "lstm" in modules}
    # a training of the others leads to the function that empties a cell of an LSTM, too
    could_run = {
        name
        for name in WITNESSED
        if "experiments.language_models.trained_cells.of" in records.load(name)["code"]
    }
    assert (
        stale_after("unrolled.cells.lstm", r"np\.split", "np.array_split")
        == with_lstm | could_run
    )
    assert "rnn_language_model" not in with_gru | with_lstm
