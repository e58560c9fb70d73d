"""A package is found by its import, and a missing one is named with the extra that has it."""

import importlib
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, version

import pytest

from tests.support.paths import ROOT
from unrolled import installed


def test_a_package_with_a_name_of_its_own_is_asked_by_it():
    assert installed.version("numpy") == version("numpy")


@pytest.mark.parametrize("module", ["yaml", "tensorflow"])
def test_a_module_has_the_version_of_its_package(module):
    (package, *_) = packages_distributions()[module]
    assert installed.version(module) == version(package)


def test_what_is_not_installed_has_no_version():
    with pytest.raises(PackageNotFoundError):
        installed.version("no_such_module")


def test_each_package_is_in_the_extra_that_is_named():
    with open(ROOT / "pyproject.toml", "rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for module, extra in installed.EXTRAS.items():
        names = [re.match(r"[\w-]+", line)[0] for line in extras[extra]]
        assert module in names, f"{module} is not in the extra {extra}"


@pytest.mark.parametrize(
    "name, package, extra",
    [
        ("quiet_tensorflow", "keras", "corpus"),
        ("pytensor_step", "pytensor", "corpus"),
        ("theano_models", "pytensor", "corpus"),
        ("jax_cells", "jax", "speed"),
        ("jax_devices", "jax", "speed"),
        ("jax_stacks", "jax", "speed"),
        ("jax_step", "jax", "speed"),
    ],
)
def test_a_missing_framework_is_named_with_its_extra(monkeypatch, name, package, extra):
    for module in {package, "theano"}:
        monkeypatch.setitem(sys.modules, module, None)
    module = f"unrolled.frameworks.{name}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ModuleNotFoundError) as raised:
        importlib.import_module(module)
    assert str(raised.value) == (
        f"this needs {package}, which is not installed: pip install 'unrolled[{extra}]'"
    )


def test_what_no_extra_brings_is_missed_as_ever():
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        with installed.named_extras():
            importlib.import_module("no_such_module")
    assert installed.missing("torch") == "this needs torch, which is not installed"
