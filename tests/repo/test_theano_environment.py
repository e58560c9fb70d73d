"""Theano 1.0.5 in an environment of its own, and PyTensor where there is no C compiler."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from experiments.frameworks import theano_agreement
from tests.support.makefile import fake_python, locked, make
from tests.support.paths import ROOT
from unrolled import records

FOLDER = ROOT / "envs/theano-1.0.5"
NO_PYTHON = "Theano 1.0.5 needs Python 3.11 or 3.10"


@pytest.mark.slow
def test_theano_itself_passes_the_same_tests(capsys):
    """What `make theano` does before it records; it makes the environment if there is none."""
    done = make("theano-tests")
    if NO_PYTHON in done.stderr:
        pytest.skip(re.search(rf"{NO_PYTHON}.*", done.stderr).group())
    assert done.returncode == 0, done.stdout + done.stderr
    here = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "tests/package/frameworks/test_theano_models.py",
    ]
    collected = subprocess.run(here, cwd=ROOT, capture_output=True, text=True)
    (count,) = re.findall(r"^(\d+) tests collected", collected.stdout, re.MULTILINE)
    assert re.search(rf"^{count} passed in ", done.stdout, re.MULTILINE), done.stdout
    with capsys.disabled():
        print(f"\nunder Theano 1.0.5: {done.stdout.splitlines()[-1]}")


# --- the environment -----------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """What decides whether the environment is made, and one that looks complete."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(FOLDER, tmp_path / "envs" / FOLDER.name)
    python = fake_python(tmp_path / "python3.11", "exit 0")
    (tmp_path / ".venv-theano" / "bin").mkdir(parents=True)
    shutil.copy(python, tmp_path / ".venv-theano" / "bin" / "python")
    for stamp in re.findall(r"touch (\.venv-theano/\S+)", dry(tmp_path).stdout):
        (tmp_path / stamp).touch()
    return tmp_path


def dry(folder, *arguments):
    python = f"THEANO_PYTHON={folder / 'python3.11'}"
    return make("-n", ".venv-theano", *(arguments or [python]), folder=folder)


def steps(folder):
    commands = dry(folder).stdout
    return [
        word
        for word in ("--clear", "wheels.lock", "-r envs/theano-1.0.5/req")
        if word in commands
    ]


EVERYTHING = ["--clear", "wheels.lock", "-r envs/theano-1.0.5/req"]


def test_a_complete_environment_is_left_alone(checkout):
    assert steps(checkout) == []
    os.utime(checkout / "envs" / FOLDER.name / "wheels.lock")
    assert steps(checkout) == []


def test_an_interrupted_installation_is_made_again(checkout):
    for stamp in (checkout / ".venv-theano").glob("installed-*"):
        stamp.unlink()
    assert steps(checkout) == EVERYTHING


def test_a_changed_lock_makes_it_again(checkout):
    (checkout / "envs" / FOLDER.name / "requirements.lock").write_text(
        "theano==1.0.4\n"
    )
    assert steps(checkout) == EVERYTHING


def test_a_vanished_interpreter_makes_it_again(checkout):
    (checkout / ".venv-theano" / "bin" / "python").unlink()
    assert steps(checkout) == EVERYTHING


def test_no_suitable_python_gets_one_clear_line(checkout):
    shutil.rmtree(checkout / ".venv-theano")
    old = fake_python(checkout / "python3.13", "exit 1")
    run = dry(checkout, f"THEANO_PYTHON={old}", "UV=no-such-uv")
    lines = run.stderr.splitlines()
    assert run.returncode == 2 and run.stdout == "" and len(lines) == 1
    assert f"{NO_PYTHON}, which {old} is not: install one" in lines[0]
    assert "make theano THEANO_PYTHON=" in lines[0]


def test_uv_fetches_a_python_where_none_is_found(checkout):
    shutil.rmtree(checkout / ".venv-theano")
    python = fake_python(checkout / "fetched", "exit 0")
    uv = fake_python(
        checkout / "uv", f'case "$2" in install) ;; find) echo {python};; esac'
    )
    run = dry(checkout, "theano_pythons=no-such-python", f"UV={uv}")
    assert f"{python} -m venv --clear .venv-theano" in run.stdout, run.stderr


def test_the_locks_hold_hashes_no_address_and_what_theano_still_runs_with():
    wheels, everything = (
        locked(FOLDER / f"{name}.lock") for name in ("wheels", "requirements")
    )
    assert everything.keys() - wheels.keys() == {"theano"}
    assert all(everything[name] == pins for name, pins in wheels.items())
    assert all(hashes for pins in everything.values() for _, _, hashes in pins)
    found = {
        name: [version for version, _, _ in pins] for name, pins in everything.items()
    }
    assert found["theano"] == ["1.0.5"] and found["numpy"] == ["1.23.5"]
    assert int(found["setuptools"][0].split(".")[0]) < 81
    for name in ("wheels", "requirements"):
        assert not re.search(
            r"://|@ |^-|/", (FOLDER / f"{name}.lock").read_text(), re.MULTILINE
        )


# --- the record ----------------------------------------------------------------------------------


def test_the_record_is_of_theano_itself():
    record = records.load("theano")
    found = record["results"]
    assert record["versions"]["theano"] == "1.0.5"
    assert (found["theano"]["library"], found["theano"]["version"]) == (
        "theano",
        "1.0.5",
    )
    assert (found["pytensor"]["library"], found["theano"]["numpy"]) == (
        "pytensor",
        "1.23.5",
    )
    for answers in (found["agreement"], found["pytensor"]["found"]):
        assert {
            "rnn",
            "lstm",
            "gru",
            "gru_reset_after",
            "stacked",
            "masked",
        } == answers.keys()
        assert all(max(a["loss"], a["gradient"]) <= 1e-10 for a in answers.values())
        # measured, not filled in
        assert any(a["gradient"] > 0 for a in answers.values())


def test_what_the_chapter_says_of_compile_and_run_time():
    """NumPy's step is the fastest; machine code is dear unless cached; Python can be hopeless."""
    speed = records.load("theano")["results"]["speed"]
    for times in speed.values():
        assert all(mode["step"] > 1 for mode in times.values())
        for name in theano_agreement.MACHINE_CODE:
            cold, cached = (
                times[f"PyTensor in {name}"],
                times[f"PyTensor in {name}, cached"],
            )
            assert cold["compile"] > 3 * cached["compile"]
            assert cold["compile"] > 1000
    two = speed["two-layer gru"]
    assert two["PyTensor in Python"]["step"] > 10 * two["PyTensor in C"]["step"]


def test_without_the_environment_the_experiment_says_what_makes_it(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(theano_agreement, "THEANO", tmp_path / "python")
    with pytest.raises(SystemExit, match="no .venv-theano; make theano makes it"):
        theano_agreement.main()


@pytest.mark.slow
def test_the_step_runs_small(monkeypatch):
    from experiments.frameworks import symbolic_step

    for name, size in {"T": 4, "B": 2, "V": 9, "H": 3}.items():
        monkeypatch.setattr(symbolic_step, name, size)
    found = symbolic_step.measure("python", "rnn", rounds=2)
    assert found["compile"] > found["step"] > 0


# --- no C compiler -------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_c_compiler_pytensor_goes_on_with_numba_and_says_so(tmp_path):
    code = (
        "import json, numpy as np\n"
        "from unrolled.frameworks import theano_models as w\n"
        "x = w.T.vector('x', dtype='float64')\n"
        "for _ in range(2):\n"
        "    f = w.function([x], w.T.tanh(x).sum())\n"
        "print(json.dumps([w.best_mode(), float(f(np.ones(3)))]))\n"
    )
    environment = os.environ | {"PYTENSOR_FLAGS": f"cxx=,base_compiledir={tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines() == [
        "no C compiler (g++): PyTensor goes on with Numba"
    ]
    mode, value = json.loads(done.stdout)
    assert mode == "NUMBA" and value == pytest.approx(3 * 0.7615941559557649)
