"""Where the repository is published. It is found at every build, so a fork edits nothing.

In a workflow of GitHub the address is GITHUB_REPOSITORY. Otherwise it is that of the remote origin,
and otherwise `repository.url` in _config.yml, which is undecided while its owner is the placeholder
OWNER.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

PLACEHOLDER = "OWNER"
# The name of each host whose addresses are known, and how it addresses a file of a repository.
HOSTS = {
    "github.com": ("GitHub", "{url}/blob/{branch}/{path}"),
    "gitlab.com": ("GitLab", "{url}/-/blob/{branch}/{path}"),
    "codeberg.org": ("Codeberg", "{url}/src/branch/{branch}/{path}"),
}
NAME = r"[\w.-]+"


class Found(NamedTuple):
    """The repository's address, None while it is undecided, and the line that a build prints."""

    url: str | None
    line: str


class Unknown(ValueError):
    """There is no address here; the message says why."""


def public(remote: str) -> str:
    """Return the address at which a browser finds what git fetches from a remote.

    Raises:
        Unknown: the remote is a folder, or is on a host whose addresses are not known.
    """
    short = re.fullmatch(r"(?:[^@/:]+@)?([^/:\\]{2,}):(?!//)(.+)", remote)
    parts = urlsplit(f"ssh://{short[1]}/{short[2]}" if short else remote)
    host = (parts.hostname or "").removeprefix("www.")
    if not host or parts.scheme not in ("https", "http", "ssh", "git"):
        raise Unknown("is a folder of this computer")
    if host not in HOSTS:
        raise Unknown(f"is on {host}, which is not one of {', '.join(HOSTS)}")
    path = parts.path.strip("/").removesuffix(".git")
    names = r"/".join([NAME, NAME]) + (rf"(?:/{NAME})*" if host == "gitlab.com" else "")
    if not re.fullmatch(names, path):
        raise Unknown(f"names no repository of {host}")
    return f"https://{host}/{path}"


def _git(root: Path, *arguments: str) -> str | None:
    # A hook of git's sets GIT_DIR, which would be the repository that the hook runs in.
    here = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, env=here
    )
    return done.stdout.strip() if done.returncode == 0 else None


def of_origin(root: Path) -> str:
    """Return the address of the remote origin of the repository that begins in a folder.

    Raises:
        Unknown: there is no git, no repository, no such remote, or none with a known address.
    """
    try:
        above = _git(root, "rev-parse", "--show-prefix")
    except FileNotFoundError:
        raise Unknown("git is not installed") from None
    if above != "":  # None: no repository; else a folder inside of one
        raise Unknown("this folder is not a git repository")
    remote = _git(root, "remote", "get-url", "origin")
    if remote is None:
        raise Unknown("the git repository has no remote called origin")
    try:
        return public(remote)
    except Unknown as error:
        raise Unknown(f"the remote origin {error}") from None


def of_workflow(environment: Mapping[str, str]) -> str | None:
    """Return the address of the repository whose workflow is running, or None outside of one.

    Raises:
        Unknown: the variable has no owner and name, or the server is not a known host.
    """
    name = environment.get("GITHUB_REPOSITORY")
    if not name:
        return None
    server = environment.get("GITHUB_SERVER_URL") or "https://github.com"
    try:
        return public(f"{server}/{name}")
    except Unknown as error:
        raise Unknown(f"GITHUB_REPOSITORY, {name!r}, {error}") from None


def of_configuration(address: str) -> str:
    """Return the address that _config.yml names; on a known host it must be a repository's.

    Raises:
        Unknown: the host is known, and the address is not one of a repository of it.
    """
    if urlsplit(address).netloc not in HOSTS:
        return address.rstrip("/")
    try:
        return public(address)
    except Unknown as error:
        raise Unknown(f"{address} in _config.yml {error}") from None


def find(
    root: Path, configured: str = "", environment: Mapping[str, str] = os.environ
) -> Found:
    """Return the address of the repository in a folder."""
    try:
        if url := of_workflow(environment):
            return Found(url, f"The repository is {url}, says GITHUB_REPOSITORY.")
        url = of_origin(root)
        return Found(url, f"The repository is {url}, the remote origin.")
    except Unknown as error:
        why = str(error)
    if configured and PLACEHOLDER not in urlsplit(configured).path.split("/"):
        try:
            url = of_configuration(configured)
            return Found(url, f"The repository is {url}, says _config.yml.")
        except Unknown as error:
            why = str(error)
    return Found(
        None,
        "The repository's address is undecided, so the pages have no Binder button and no "
        f"link to it: {why}.",
    )


def file_url(url: str, branch: str, path: str) -> str | None:
    """Return the address of a file of a repository, None if its host is not known."""
    known = HOSTS.get(urlsplit(url).netloc)
    return known[1].format(url=url, branch=branch, path=path) if known else None


def pages_url(url: str) -> str | None:
    """Return the address of the site that the workflow publishes, None on other hosts.

    GitHub Pages serves every repository below its owner's address, except the one that has this
    address as its name.
    """
    if urlsplit(url).netloc != "github.com":
        return None
    owner, name = urlsplit(url).path[1:].split("/")
    home = f"{owner.lower()}.github.io"
    return f"https://{home}/" if name.lower() == home else f"https://{home}/{name}/"
