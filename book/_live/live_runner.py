"""Runs the cells of a page in its worker: what they print, the errors they end in, the checks.

It is Python's half of worker.js, and runs outside the browser as well, where the tests call it.
"""

import ast
import builtins
import functools
import gzip
import importlib.abc
import importlib.machinery
import io
import json
import linecache
import pathlib
import sys
import time
import traceback
import types
import warnings

import numpy

MOST = 60_000  # characters that one run may show
PAUSE = 0.05  # seconds between two messages to the page


class Screen(io.TextIOBase):
    """Standard output and errors of a run: sent on in pieces, and cut where it gets too long."""

    def __init__(self, send):
        self.send, self.waiting, self.shown, self.cut = send, [], 0, 0
        self.sent = time.monotonic()

    def writable(self):
        return True

    def write(self, text):
        room = MOST - self.shown
        kept = text[:room]
        if kept:
            self.shown += len(kept)
            self.waiting.append(kept)
            if time.monotonic() - self.sent > PAUSE:
                self.flush()
        if kept != text:
            if not self.cut:  # said at once: the cell may never end
                self.waiting.append(
                    "\n… cut here: more is printed than a page can show\n"
                )
                self.flush()
            self.cut += len(text) - len(kept)
        return len(text)

    def flush(self):
        if self.waiting:
            self.send("".join(self.waiting))
            self.waiting = []
        self.sent = time.monotonic()

    def end(self):
        if self.cut:
            self.waiting.append(f"… {self.cut:,} more characters\n")
        self.flush()


# --- Modules that a page does not have ----------------------------------------------------------


DRAWING = "Matplotlib"  # statements that need no more than this are left out


class NotInThePage(RuntimeError):
    """A cell used something that only an installation has."""

    def __init__(self, name, needs):
        super().__init__(
            f"{name} needs {needs}, which a page cannot have: this cell runs in JupyterLab"
        )
        self.needs = needs


class Absent(types.ModuleType):
    """Stands in for a module that the page lacks, so that the other imports of a cell succeed.

    Its attributes are stand-ins too; any use of one raises.
    """

    def __init__(self, name, needs):
        super().__init__(name)
        self.__dict__.update(__path__=[], _needs=needs)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}", self._needs)

    def __call__(self, *arguments, **settings):
        if self.__name__ == "unrolled.drawing.figures.use_style":
            return
        raise NotInThePage(self.__name__, self._needs)

    def _use(self, *arguments):
        raise NotInThePage(self.__name__, self._needs)

    __iter__ = __getitem__ = __setitem__ = __len__ = __enter__ = __exit__ = _use
    __add__ = __radd__ = __sub__ = __mul__ = __rmul__ = __truediv__ = __matmul__ = _use
    __array__ = __float__ = __lt__ = __gt__ = _use


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the absent modules, after all that is really there has been looked through."""

    def __init__(self, absent):
        self.absent = absent

    def needs(self, name):
        parts = name.split(".")
        starts = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        return next(
            (self.absent[start] for start in starts if start in self.absent), None
        )

    def find_spec(self, name, path=None, target=None):
        if self.needs(name):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Absent(spec.name, self.needs(spec.name))

    def exec_module(self, module):
        pass


class Idle:
    """Takes the place of tqdm's bar and of threadpoolctl's limit: it does nothing."""

    def __init__(self, over=(), *arguments, **settings):
        self.over = over

    def __iter__(self):
        return iter(self.over)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **settings: None


def idle(module, name):
    sys.modules[module] = types.ModuleType(module, "It does nothing in a page.")
    setattr(sys.modules[module], name, Idle)


def take_long_counts(numpy):
    """Makes functions that count take 64-bit integers, which are not the page's own 32-bit ones."""
    for name, place in (("bincount", 0), ("repeat", 1)):
        original = getattr(numpy, name)

        def counting(*arguments, original=original, place=place, **settings):
            arguments = list(arguments)
            if len(arguments) > place:
                counts = numpy.asarray(arguments[place])
                if counts.dtype.kind in "iu":
                    arguments[place] = counts.astype(numpy.intp)
            return original(*arguments, **settings)

        setattr(numpy, name, functools.wraps(original)(counting))


def prepare(absent):
    """Makes Python ready for the cells of a page."""
    sys.meta_path.append(Finder(absent))
    idle("tqdm", "tqdm")
    idle("threadpoolctl", "threadpool_limits")
    # Without a clock of the processor's: the worker does nothing but the cell.
    time.process_time = time.thread_time = time.perf_counter
    if numpy.intp().itemsize == 4:
        take_long_counts(numpy)
    # What a page cannot do, said in words.
    builtins.input = _no_input
    warnings.simplefilter("default")
    sys.dont_write_bytecode = True


def results_folder():
    """Returns where ``unrolled.records`` looks for the recorded results."""
    import unrolled

    return str(pathlib.Path(unrolled.__file__).resolve().parents[2] / "results")


def take_kept_corpus(path):
    """Makes ``text.corpus`` read a file: a page has no packages whose docstrings it could read."""
    from unrolled.data import text

    read_packages = text.corpus

    @functools.wraps(read_packages)
    def corpus(packages=text.PACKAGES, cache=None):
        if tuple(packages) != text.PACKAGES:
            return read_packages(packages, cache)
        documents = json.loads(gzip.decompress(pathlib.Path(path).read_bytes()))
        return [text.Document(name, tuple(lines)) for name, lines in documents]

    text.corpus = corpus


def _no_input(prompt=""):
    raise EOFError("input() has nobody to ask in a page: assign the value in the cell")


# --- Running ------------------------------------------------------------------------------------


def new_namespace():
    """Returns the empty namespace of a page, or of an exercise."""
    return {"__name__": "__main__", "__builtins__": builtins}


def run(code, where, namespace, send, then=None, draw=None):
    """Runs a cell as a notebook does: its last expression is shown.

    Args:
        code: the text of the cell.
        where: what a traceback calls it, such as "cell 3".
        namespace: a dict, which the cell changes.
        send: a function that takes pieces of text to show.
        then: a function of the screen, called after the cell if it raised nothing.
        draw: a function that takes a chart as JSON, if the cell ends in one.

    Returns:
        (whether nothing was raised, what ``then`` returned).
    """
    screen = Screen(send)
    before = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = screen
    name = f"<{where}>"
    # So that a traceback shows the reader's own lines.
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    try:
        _execute(code, name, namespace, draw)
        result = then() if then else None
    except BaseException as error:
        screen.write(short_traceback(error))
        return False, None
    finally:
        sys.stdout, sys.stderr = before
        screen.end()
    return True, result


def _execute(code, name, namespace, draw):
    tree = ast.parse(code, name)
    not_drawn = False
    for node in tree.body:
        last = node is tree.body[-1] and isinstance(node, ast.Expr)
        try:
            if last:
                value = eval(
                    compile(ast.Expression(node.value), name, "eval"), namespace
                )
            else:
                exec(compile(ast.Module([node], []), name, "exec"), namespace)
        except NotInThePage as lack:
            if lack.needs != DRAWING:
                raise
            not_drawn = True
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    namespace[inner.id] = Absent(inner.id, DRAWING)
        else:
            if last and value is not None and not code.rstrip().endswith(";"):
                if draw and hasattr(value, "to_json"):
                    draw(value.to_json())
                else:
                    print(repr(value))
    if not_drawn:
        print(
            "[The figure is not drawn again: that needs Matplotlib, which a page cannot have.]"
        )


def short_traceback(error):
    """Returns a traceback of the cells' lines and the package's, without those of others."""
    if isinstance(error, SystemExit):
        return "SystemExit: the cell ended itself; the page goes on\n"
    whole = traceback.TracebackException.from_exception(error, compact=True)
    part = whole
    while part is not None:
        ours = [
            f for f in part.stack if f.filename[0] == "<" or "/unrolled/" in f.filename
        ]
        ours = [f for f in ours if not f.filename.startswith("<frozen")]
        part.stack = traceback.StackSummary.from_list(
            [f for f in ours if f.filename != __file__]
        )
        part = part.__cause__ or (
            None if part.__suppress_context__ else part.__context__
        )
    text = "".join(whole.format())
    if len(text) > 8000:
        text = f"{text[:4000]}\n…\n{text[-4000:]}"
    return text.replace("/lib/python3.11/site-packages/", "")


def check(code, where, exercise, namespace, send, draw=None):
    """Runs the reader's cell and judges it.

    Returns:
        (whether it is right, the message), or (False, None) if the cell raised.
    """

    def judged():
        from unrolled.exercises import judge

        return tuple(judge(exercise, namespace))

    passed, verdict = run(code, where, namespace, send, judged, draw)
    return verdict if passed else (False, None)
