"""Keep the branches of Binder's environments: `python -m book._ext.build.binder_branches`.

Binder builds an image for each commit of a branch that somebody opens. So each environment of
envs/binder is the folder `binder` of a branch that holds nothing else, and the branch gets a commit
only when the environment has changed. What is pushed is what the current commit holds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from book._ext.source import binder

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = {
    name: name.removeprefix("binder-") for name in (binder.NUMPY, binder.FRAMEWORKS)
}
README = """\
This branch holds an environment for mybinder.org and is written by `make binder`.
The book is on the other branch; the buttons of its pages open it in this environment.
"""


class BranchError(Exception):
    """A branch could not be brought up to date; the message says why in one line."""


def git(
    root: Path, *arguments: str, text: str | None = None, **environment: str
) -> str:
    """Run git; return what it prints."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            input=text,
            capture_output=True,
            text=True,
            env=os.environ | environment,
        )
    except FileNotFoundError:
        raise BranchError("git is not installed") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise BranchError(f"git {arguments[0]} failed: {said[-1]}")
    return done.stdout.strip()


def tree(root: Path, folder: str) -> str:
    """Write the files of a branch into git's store; return the name of their tree."""
    held = "HEAD:envs/binder"
    common = git(root, "ls-tree", held).splitlines()
    lines = [line for line in common if line.endswith(("\tpostBuild", "\truntime.txt"))]
    lines += git(root, "ls-tree", f"{held}/{folder}").splitlines()
    environment = git(root, "mktree", text="\n".join(lines) + "\n")
    readme = git(root, "hash-object", "-w", "--stdin", text=README)
    both = f"040000 tree {environment}\tbinder\n100644 blob {readme}\tREADME.md\n"
    return git(root, "mktree", text=both)


def update(root: Path, branch: str, folder: str) -> bool:
    """Push a commit to a branch of origin if the files of the branch would change."""
    wanted = tree(root, folder)
    parents = []
    if git(root, "ls-remote", "origin", f"refs/heads/{branch}"):
        git(root, "fetch", "-q", "--depth=1", "origin", f"refs/heads/{branch}")
        if git(root, "rev-parse", "FETCH_HEAD^{tree}") == wanted:
            return False
        parents = ["-p", git(root, "rev-parse", "FETCH_HEAD")]
    # the name and the date of the commit that changed the environment
    name, email, date = git(root, "show", "-s", "--format=%an%n%ae%n%cI", "HEAD").split(
        "\n"
    )
    author = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", email), ("DATE", date))
    }
    message = f"Change the environment to {git(root, 'rev-parse', '--short', 'HEAD')}"
    commit = git(root, "commit-tree", wanted, *parents, "-m", message, **author)
    git(root, "push", "-q", "origin", f"{commit}:refs/heads/{branch}")
    return True


def main(root: Path = ROOT) -> int:
    """Bring both branches up to date; return the exit status."""
    for branch, folder in FOLDERS.items():
        try:
            changed = update(root, branch, folder)
        except BranchError as error:
            print(f"The branch {branch} is not up to date: {error}", file=sys.stderr)
            return 1
        print(f"{branch}: {'pushed' if changed else 'has not changed'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
