"""A package is found by the name that it is imported by."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version

import pytest

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
