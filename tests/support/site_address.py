"""The address with which the site is built, which small books of the tests do not have."""

import os

KEPT = "REPOSITORY_OF_THE_SITE"
NAME = "GITHUB_REPOSITORY"


def set_aside():
    """Takes a workflow's repository out of the environment, for the processes of tests too."""
    if NAME in os.environ:
        os.environ[KEPT] = os.environ.pop(NAME)


def of_the_site():
    """Returns the environment in which the whole site is built."""
    kept = os.environ.get(KEPT)
    return os.environ | ({NAME: kept} if kept else {})
