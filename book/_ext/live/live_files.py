"""What a page needs to run its code itself: Python, NumPy, the package, an editor.

Pyodide and CodeMirror come from npm, NumPy from the package that live-requirements.txt names by its
hash. Each part is made once and kept in _build/live under the hash of what it is made from; the
site loads nothing of it before a reader asks.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "_build/live"
REQUIREMENTS = ROOT / "book/_ext/live/requirements.txt"
SCRIPTS = ROOT / "book/_live"
EDITOR = SCRIPTS / "editor.js"
NUMPY = "numpy-1.25.2-cp311-cp311-emscripten_3_1_46_wasm32.whl"
# of every file in a wheel: the same bytes from the same input
DAY = (2026, 1, 1, 0, 0, 0)

# What of NumPy no page can use: its own tests, its compilers, its type stubs.
LEFT_OUT = re.compile(
    r"/tests/|/_(operand_flag|rational|struct_ufunc|umath)_tests\.|numpy/(f2py|distutils|core/_simd|_pyinstaller)\b|\.pyi$"
)


class LiveError(Exception):
    """A part cannot be made; the message says why in one line."""


def digest(*inputs: bytes) -> str:
    """Return twelve digits that stand for some bytes."""
    total = hashlib.sha256()
    for data in inputs:
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()[:12]


def made(name: str, inputs: Iterable[bytes], make: Callable[[Path], None]) -> Path:
    """Return the folder of a part, made by `make` unless it was made from the same inputs."""
    key = digest(Path(__file__).read_bytes(), *inputs)
    folder = KEPT / f"{name}-{key}"
    if folder.is_dir():
        return folder
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as temporary:
        make(Path(temporary))
        os.chmod(temporary, 0o755)
        if not folder.is_dir():  # another build may have been quicker
            shutil.copytree(temporary, f"{temporary}.whole")
            try:
                os.rename(f"{temporary}.whole", folder)
            except OSError:
                shutil.rmtree(f"{temporary}.whole")
    for old in KEPT.glob(f"{name}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return folder


# --- Python and NumPy ---------------------------------------------------------------------------


def python() -> Path:
    """Return the folder with Pyodide and NumPy as the page loads them, and their licences."""
    package = ROOT / "node_modules/pyodide/package.json"
    if not package.is_file():
        raise LiveError("node_modules/pyodide is missing: make book installs it")
    return made(
        "python", [package.read_bytes(), REQUIREMENTS.read_bytes()], make_python
    )


def make_python(target: Path) -> None:
    """Put Pyodide and NumPy into a folder."""
    pyodide = ROOT / "node_modules/pyodide"
    for name in ("pyodide.js", "pyodide.asm.js", "python_stdlib.zip"):
        shutil.copy(pyodide / name, target)
    # Compressed here, because not every server compresses it; the worker takes it apart.
    wasm = (pyodide / "pyodide.asm.wasm").read_bytes()
    (target / "pyodide.asm.wasm.gzip").write_bytes(gzip.compress(wasm, 9, mtime=0))
    with tempfile.TemporaryDirectory() as folder:
        numpy = numpy_wheel(fetched(Path(folder)))
    (target / NUMPY).write_bytes(numpy)
    lock = json.loads((pyodide / "pyodide-lock.json").read_text("utf-8"))
    lock["packages"] = {"numpy": lock_entry(numpy)}
    (target / "pyodide-lock.json").write_text(json.dumps(lock), "utf-8")
    licences(target / "licenses")


def fetched(folder: Path) -> Path:
    """Return the package that carries NumPy, fetched by its hash."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--disable-pip-version-check",
    ]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "-d", str(folder), "-r", str(REQUIREMENTS)],
        capture_output=True,
        text=True,
    )
    files = list(folder.glob("*.whl"))
    if done.returncode or not files:
        causes = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise LiveError(
            "Could not fetch NumPy for the browser (14 MB, book/_ext/live/requirements.txt); with "
            f"a network the next build tries again. pip: {' '.join(causes[-1:]) or done.stderr!r}"
        )
    return files[0]


def numpy_wheel(carrier: Path) -> bytes:
    """Return NumPy as a wheel, out of the archive that the carrier holds."""
    with zipfile.ZipFile(carrier) as package:
        inside = [
            n
            for n in package.namelist()
            if re.search(r"/numpy-1\.25\.2-[^/]*\.tar\.gz$", n)
        ]
        archive = tarfile.open(fileobj=io.BytesIO(package.read(inside[0])))
    files = {}
    for member in archive:
        _, found, name = member.name.partition("site-packages/")
        if found and member.isfile() and not LEFT_OUT.search(name):
            data = archive.extractfile(member)
            assert data is not None
            files[name] = data.read()
    return wheel(files, "numpy-1.25.2", "cp311-cp311-emscripten_3_1_46_wasm32")


def wheel(files: dict[str, bytes], name: str, tag: str) -> bytes:
    """Return a wheel with these files, the same bytes for the same files."""
    info = f"{name}.dist-info"
    files = {
        k: v
        for k, v in files.items()
        if not k.startswith(info) or k.endswith("METADATA")
    }
    project, _, version = name.partition("-")
    files.setdefault(
        f"{info}/METADATA",
        f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode(),
    )
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    )
    files[f"{info}/RECORD"] = "".join(f"{k},,\n" for k in sorted(files)).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            archive.writestr(
                zipfile.ZipInfo(path, DAY), files[path], zipfile.ZIP_DEFLATED, 9
            )
    return out.getvalue()


def lock_entry(numpy: bytes) -> dict[str, object]:
    """Return what Pyodide's lock says of NumPy."""
    return {
        "name": "numpy",
        "version": "1.25.2",
        "file_name": NUMPY,
        "install_dir": "site",
        "sha256": hashlib.sha256(numpy).hexdigest(),
        "package_type": "package",
        "imports": ["numpy"],
        "depends": [],
        "unvendored_tests": True,
        "shared_library": False,
    }


def licences(target: Path) -> None:
    """Write the licences of Pyodide, CPython and NumPy."""
    target.mkdir()
    mozilla = (ROOT / "node_modules/axe-core/LICENSE").read_text("utf-8")
    assert mozilla.startswith("Mozilla Public License, version 2.0")
    (target / "pyodide.txt").write_text(
        "Pyodide 0.25.1, copyright Pyodide contributors and Mozilla, unchanged; its source is the "
        "tag 0.25.1 of pyodide/pyodide on GitHub. It is built with Emscripten, copyright its "
        "authors, under the MIT licence. Pyodide is under the\n\n" + mozilla,
        "utf-8",
    )
    psf = _licence_of("typing_extensions")  # which is CPython's, word for word
    (target / "cpython.txt").write_text(
        "Python 3.11 and its standard library, compiled by Pyodide.\n\n" + psf, "utf-8"
    )
    (target / "numpy-in-the-page.txt").write_text(
        "NumPy 1.25.2, compiled by emscripten-forge with NumPy's own lapack_lite; without its "
        "tests.\n\n" + _licence_of("numpy"),
        "utf-8",
    )


def _licence_of(name: str) -> str:
    """Return all licences in the metadata of an installed package."""
    files = importlib.metadata.files(name) or []
    texts = [
        Path(str(file.locate())).read_text("utf-8", "replace")
        for file in files
        if ".dist-info" in str(file) and re.match(r"LICEN[CS]E", file.name)
    ]
    if not texts:
        raise LiveError(f"the installed {name} carries no licence")
    return "\n\n---\n\n".join(texts)


# --- The editor ---------------------------------------------------------------------------------


def editor() -> Path:
    """Return the folder with the editor as one module, and its licences."""
    lock = (ROOT / "package-lock.json").read_bytes()
    return made("editor", [lock, EDITOR.read_bytes()], make_editor)


def make_editor(target: Path) -> None:
    """Bundle CodeMirror."""
    command = [
        str(ROOT / "node_modules/.bin/esbuild"),
        str(EDITOR),
        "--bundle",
        "--minify",
        "--format=esm",
        "--target=es2020",
        "--legal-comments=none",
        "--log-level=warning",
        f"--outfile={target / 'editor.js'}",
        f"--metafile={target / 'meta.json'}",
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path, "NODE_PATH": str(ROOT / "node_modules")},
    )
    if done.returncode:
        raise LiveError(f"esbuild could not bundle the editor: {done.stderr.strip()}")
    bundled = json.loads((target / "meta.json").read_text("utf-8"))["inputs"]
    packages = sorted(
        {
            m[1]
            for name in bundled
            if (m := re.search(r"node_modules/((?:@[^/]+/)?[^/]+)/", name))
        }
    )
    (target / "meta.json").unlink()
    (target / "licenses").mkdir()
    texts = [
        f"{name}\n\n{(ROOT / 'node_modules' / name / 'LICENSE').read_text('utf-8')}"
        for name in packages
    ]
    (target / "licenses/codemirror.txt").write_text("\n\n---\n\n".join(texts), "utf-8")


# --- The package, and everything together -------------------------------------------------------


def package(modules: Iterable[Path], root: Path) -> bytes:
    """Return the wheel of those modules of the package that run in the page."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    files = {
        path.relative_to(root / "code").as_posix(): path.read_bytes()
        for path in sorted(modules)
    }
    return wheel(files, f"{project['name']}-{project['version']}", "py3-none-any")


def install(
    target: Path, licenses: Path, modules: Iterable[Path], absent: dict, root: Path
) -> None:
    """Put everything into the site's folder, with files.json, which says what is where."""
    target.mkdir(parents=True, exist_ok=True)
    licenses.mkdir(parents=True, exist_ok=True)
    parts = {"python": python(), "editor": editor()}
    for part in parts.values():
        shutil.copytree(
            part, target / part.name, ignore=shutil.ignore_patterns("licenses")
        )
        shutil.copytree(part / "licenses", licenses, dirs_exist_ok=True)
    ours = package(modules, root)
    name = f"unrolled-{digest(ours)}.whl"
    (target / name).write_bytes(ours)
    scripts = {
        p.name: p.read_bytes() for p in sorted(SCRIPTS.glob("*.*")) if p != EDITOR
    }
    folder = f"scripts-{digest(*scripts.values())}"
    (target / folder).mkdir()
    for script, text in scripts.items():
        (target / folder / script).write_bytes(text)
    weight = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    described = {
        "python": f"live/{parts['python'].name}/",
        "editor": f"live/{parts['editor'].name}/editor.js",
        "package": f"live/{name}",
        "scripts": f"live/{folder}/",
        "bytes": weight,
        "absent": absent,
    }
    (target / "files.json").write_text(json.dumps(described, indent=1), "utf-8")


def prepare() -> None:
    """Make what is not made yet; raise LiveError, in one line, if that cannot be."""
    python()
    editor()
