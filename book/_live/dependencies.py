"""Which cells of a page have to run before one of them, read from the names in their texts.

A cell depends on those above it that bind or change what it reads. What the text does not settle
counts as a dependency: a method may change its object, a generator of random numbers changes when
it is used, and a function may be called by every cell that reads its name. The page's worker asks
for each run, and the build asks about the cells with knobs.
"""

import ast
import collections
import functools
import re
import symtable
from typing import NamedTuple

COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = FUNCTIONS | ast.ClassDef | ast.Lambda | COMPREHENSIONS
# Statements that bind nothing but by `:=`.
READING_ALONE = ast.Expr | ast.Return | ast.Assert | ast.Raise
# The names that symtable gives to the scopes of comprehensions.
AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr"}
# Methods that leave their object as it is.
READING = set(
    "all any argmax argmin argsort as_integer_ratio astype choose clip conj copy cumprod cumsum"
    " diagonal dot endswith find flatten format get index is_integer isalpha isdigit islower"
    " isspace item items join keys ljust lower lstrip max mean min nonzero prod ptp ravel repeat"
    " replace reshape rfind rjust round rstrip searchsorted split splitlines squeeze startswith"
    " std strip sum swapaxes title to_json tobytes tolist trace transpose upper values var"
    " _asdict _replace count decode encode isupper zfill center".split()
)
# Functions that change their first argument.
CHANGING = {"next", "setattr", "delattr", "copyto", "put", "place", "fill_diagonal"}
CHANGING |= {"at", "shuffle", "put_along_axis"}
# Rooms of the package whose functions change their arguments.
IN_PLACE = ("unrolled.training", "unrolled.speed")
# What functions of the package call a module of unrolled.cells, whose functions change nothing.
CELL = "cell"
# Who calls these may use any name.
EVERYTHING = {"globals", "locals", "vars", "exec", "eval"}
# A line that sets a name to a literal, as a knob does. Its value decides no dependency.
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
SETTING = re.compile(
    rf"^(\w+ *= *)(?:{NUMBER}|True|False|None"
    r"""|"[^"\\\n]*"|'[^'\\\n]*'"""
    rf"|[(\[]{NUMBER}(?:, *{NUMBER})+[)\]])(?= *(?:#|$))",
    re.MULTILINE,
)


class Use:
    """What one cell does with the names of the page."""

    def __init__(self):
        self.reads = set()  # before the cell binds them
        self.binds = set()  # certainly
        self.changes = set()  # binds perhaps, or changes
        self.arguments = set()  # names in the arguments of calls
        self.calls = []  # (name of a function, names in its arguments)
        self.later = {}  # name -> what the functions in it read when they are called
        self.functions = {}  # name -> its definition
        self.modules = {}  # name -> what was imported under it
        self.generators = set()
        self.unbound = set()  # names of the page that a function binds
        self.unreadable = False


@functools.lru_cache(maxsize=1024)
def use(text):
    """Returns the Use of a cell's text."""
    found = Use()
    try:
        _flow(ast.parse(text).body, found.binds, found)
    except (SyntaxError, ValueError, RecursionError):
        found.unreadable = True
    if found.reads & EVERYTHING or "*" in found.modules:
        found.unreadable = True
    return found


def _flow(statements, bound, found):
    """Follows statements in their order; `bound` holds the names bound so far."""
    for node in statements:
        if isinstance(node, FUNCTIONS | ast.ClassDef):
            _read(node, bound, found)
            _bind(node.name, bound, found)
            if isinstance(node, FUNCTIONS):
                found.functions[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                name = alias.asname or (
                    alias.name if module else alias.name.split(".")[0]
                )
                found.modules[name] = module + alias.name
                _bind(name, bound, found)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value:
                later = _read(node.value, bound, found)
                for target in targets:
                    _store(target, bound, found, later, node.value)
        elif isinstance(node, ast.AugAssign):
            _read(node.value, bound, found)
            _read(node.target, bound, found, too=True)
            found.changes |= _roots(node.target)
        elif isinstance(node, ast.For | ast.AsyncFor):
            _read(node.iter, bound, found)
            inner = set(bound)
            _store(node.target, inner, found, set(), node.iter)
            _branch(node.body, inner, found)
            _branch(node.orelse, bound, found)
        elif isinstance(node, ast.While):
            _read(node.test, bound, found)
            _branch(node.body, bound, found)
            _branch(node.orelse, bound, found)
        elif isinstance(node, ast.If):
            _read(node.test, bound, found)
            ways = [_branch(part, bound, found) for part in (node.body, node.orelse)]
            bound |= ways[0] & ways[1]
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                _read(item.context_expr, bound, found)
                if item.optional_vars:
                    _store(item.optional_vars, bound, found, set(), item.context_expr)
            _flow(node.body, bound, found)
        elif isinstance(node, ast.Try):
            _branch([*node.body, *node.orelse], bound, found)
            for handler in node.handlers:
                caught = {handler.name} if handler.name else set()
                _branch(handler.body, bound | caught, found)
            _flow(node.finalbody, bound, found)
        else:
            _read(node, bound, found)
            if isinstance(node, READING_ALONE):
                continue
            for part in ast.walk(node):  # what `del` and `match` bind or remove
                if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                    found.reads |= {part.id} - bound
                    found.changes.add(part.id)


def _branch(statements, bound, found):
    """Follows statements that may not be executed; returns what is bound after them."""
    inner = set(bound)
    _flow(statements, inner, found)
    found.changes |= inner - bound
    return inner


def _bind(name, bound, found):
    bound.add(name)
    if bound is not found.binds:
        found.changes.add(name)


def _store(target, bound, found, later, value):
    """Binds the names of a target, and notes what a subscript or an attribute changes."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            _bind(node.id, bound, found)
            found.later.setdefault(node.id, set()).update(later)
            if any(
                getattr(n, "attr", getattr(n, "id", "")) == "default_rng"
                for n in ast.walk(value)
            ):
                found.generators.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute):
            if isinstance(node.ctx, ast.Store):
                _read(node, bound, found)
                found.changes |= _roots(node)


def _roots(node):
    """Returns the name that `x[0].y` begins with, in a set."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _read(node, bound, found, too=False):
    """Notes what a statement or an expression reads, calls and changes.

    Returns:
        What the functions in it read when they are called.
    """
    now, later = set(), set()
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, SCOPES):
            free = _free(inner)
            now |= free[0]
            later |= free[1]
            if isinstance(inner, FUNCTIONS | ast.ClassDef):
                found.later.setdefault(inner.name, set()).update(later)
                continue
            now |= later  # of a lambda, which may be called at once
            own = {
                part.id
                for part in ast.walk(inner)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
            for part in ast.walk(inner):  # symtable has read the names
                if isinstance(part, ast.Call):
                    _call(part, found, own)
                elif isinstance(part, ast.NamedExpr):
                    found.changes.add(part.target.id)
            continue
        if isinstance(inner, ast.Name):
            if isinstance(inner.ctx, ast.Load) or too:
                now.add(inner.id)
            elif isinstance(inner.ctx, ast.Store):  # :=
                found.changes.add(inner.id)
        elif isinstance(inner, ast.Call):
            _call(inner, found)
        waiting += ast.iter_child_nodes(inner)
    found.reads |= now - bound
    return later


def _call(node, found, own=frozenset()):
    """Notes a call, without the names that a comprehension binds for itself."""
    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
    names = set().union(*(_roots(argument) for argument in arguments)) - own
    found.arguments |= names
    for keyword in node.keywords:
        if keyword.arg == "out":
            found.changes |= _roots(keyword.value)
    if isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if name not in READING:
            found.calls.append((_roots(node.func) - own, names, True))
    else:
        name = getattr(node.func, "id", "")
        found.calls.append(({name}, names, False))
    if name in CHANGING and node.args:
        found.changes |= _roots(node.args[0])


def _free(node):
    """Returns the page's names that a scope reads at once, and those that it reads when called."""
    now, later = set(), set()

    def gather(table, called):
        for symbol in table.get_symbols():
            if symbol.is_referenced() and symbol.is_global():
                (later if called else now).add(symbol.get_name())
        for child in table.get_children():
            function = (
                child.get_type() == "function" and child.get_name() not in AT_ONCE
            )
            gather(child, called or function)

    top = symtable.symtable(ast.unparse(node), "cell", "exec")
    # Since Python 3.12, the targets of a comprehension are symbols of the scope around it.
    now |= {
        s.get_name()
        for s in top.get_symbols()
        if s.is_referenced() and not s.is_assigned()
    }
    for child in top.get_children():
        function = child.get_type() == "function" and child.get_name() not in AT_ONCE
        gather(child, function)
    return now, later


def _body(node):
    """Returns a function's arguments, its local names, and the Use of its body."""
    found = Use()
    own = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
    found.binds |= own  # an argument that is bound anew is not changed
    _flow(node.body, found.binds, found)
    local = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global):
            found.unbound |= set(inner.names)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            local.add(inner.id)
        elif isinstance(inner, ast.Call):
            _call(inner, found)
    found.changes |= found.unbound
    return own, local - found.unbound, found


# --- A page ------------------------------------------------------------------------------------


class Page:
    """The cells of a page, each with all that it reads and all that it may change."""

    def __init__(self, texts):
        self.uses = [use(text) for text in texts]
        self.modules = {k: v for u in self.uses for k, v in u.modules.items()}
        self.generators = {name for u in self.uses for name in u.generators}
        self.functions = {k: v for u in self.uses for k, v in u.functions.items()}
        self.later = self._closed()
        self.changing = self._changing_functions()
        self.reads = [self._all_reads(u) for u in self.uses]
        # Names that a cell binds certainly, and all that it may change.
        self.binds = [u.binds for u in self.uses]
        self.writes = [u.binds | self._changed(u, self.changing) for u in self.uses]

    def _closed(self):
        """Returns name -> all that its functions read, through the functions that they call."""
        later = collections.defaultdict(set)
        for u in self.uses:
            for name, names in u.later.items():
                later[name] |= names
        grown = True
        while grown:
            grown = False
            for name in list(later):
                more = set().union(*(later.get(n, set()) for n in later[name]))
                grown = grown or not more <= later[name]
                later[name] |= more
        return later

    def _changing_functions(self):
        """Returns {name: (changes an argument, the names of the page that it changes)}."""
        bodies = {name: _body(node) for name, node in self.functions.items()}
        found = {}
        grown = True
        while grown:
            grown = False
            for name, (own, local, u) in bodies.items():
                changed = self._changed(u, found)
                outer = changed & (self.later.get(name, set()) | u.unbound) - local
                effect = (bool(changed & own), frozenset(outer))
                if any(effect) and found.get(name) != effect:
                    found[name] = effect
                    grown = True
        return found

    def _changed(self, u, changing):
        """Returns the names that a piece of code changes, as far as the text tells."""
        found = set(u.changes)
        found |= {name for name in u.arguments if self.is_generator(name)}
        for called, names, is_method in u.calls:
            for name in called | names:
                found |= {n for n in self.later.get(name, ()) if self.is_generator(n)}
            for name in called:
                module = self.modules.get(name)
                if module and module.startswith(IN_PLACE):
                    found |= names
                elif is_method and module is None and name != CELL:
                    found.add(name)
                elif name in changing:
                    argument, others = changing[name]
                    found |= others | (names if argument else set())
        return {n for n in found if n not in self.modules and n not in self.functions}

    def _all_reads(self, u):
        own = set().union(*(self.later.get(name, set()) for name in u.later))
        called = set().union(*(self.later.get(name, set()) for name in u.reads))
        return u.reads | called | (own - u.binds)

    def inputs(self, reader):
        """Returns {name: the cells above that write it, from the last that binds it on}."""
        names = self.reads[reader]
        if self.uses[reader].unreadable:
            names = names | set().union(*self.writes[:reader])
        return {name: self._writers(name, reader) for name in names}

    def _writers(self, name, reader):
        found = []
        for index in reversed(range(reader)):
            if name in self.writes[index] or self.uses[index].unreadable:
                found.insert(0, index)
            if name in self.binds[index]:
                break
        return found

    def before(self, target):
        """Returns {cell: its inputs} for one cell and all that it depends on."""
        needed, waiting = {}, [target]
        while waiting:
            reader = waiting.pop()
            if reader not in needed:
                needed[reader] = self.inputs(reader)
                waiting += set().union(*needed[reader].values())
        return needed

    def after(self, source):
        """Returns the cells below one that depend on it."""
        below = range(source + 1, len(self.uses))
        return [index for index in below if source in self.before(index)]

    def is_generator(self, name):
        """Tells whether a name stands for a generator of random numbers."""
        return name in self.generators or name == "rng" or name.endswith("_rng")


@functools.lru_cache(maxsize=64)
def _page(texts):
    return Page(texts)


def page(texts):
    """Returns the Page of some texts; a knob that has been moved makes no new one."""
    return _page(tuple(SETTING.sub(r"\g<1>0", text) for text in texts))


class Run(NamedTuple):
    """The last run of a cell that raised nothing."""

    text: str
    number: int
    inputs: dict  # name -> the runs that had written it, as (cell, number)


class Order:
    """Which cells have to run, so that a cell finds what a run from the top would have left."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.runs = {}  # cell -> its last run
        self.history = collections.defaultdict(list)  # name -> runs that wrote it
        self.count = 0

    def plan(self, texts, target):
        """Returns the cells to run, in their order; the last of them is the target."""
        known = page(texts)
        needed = known.before(target)
        again = set()
        grown = True
        while grown:
            size = len(again)
            for reader in sorted(needed):
                inputs = needed[reader]
                if reader != target and not self._stands(reader, texts[reader], inputs):
                    again.add(reader)
                stale = {n: w for n, w in inputs.items() if again & set(w)}
                if stale and reader != target:
                    again.add(reader)
                if reader in again or reader == target:
                    for name, writers in inputs.items():
                        between = {
                            c for c in again if c < reader and name in known.writes[c]
                        }
                        if (
                            name in stale
                            or between
                            or not self._holds(known, name, writers, reader)
                        ):
                            again |= set(writers)
            grown = len(again) > size
        for reader in {*again, target}:
            for name, writers in needed[reader].items():
                # What no cell above writes any more, the reader does not find either.
                if not writers and {c for c, _ in self.history[name]} - {reader}:
                    self.namespace.pop(name, None)
                    del self.history[name]
        return [*sorted(again - {target}), target]

    def after(self, texts, source):
        """Returns the cells below one that depend on it."""
        return page(texts).after(source)

    def _latest(self, writers):
        return [(w, self.runs[w].number if w in self.runs else None) for w in writers]

    def _stands(self, cell, text, inputs):
        """Tells whether a cell's last run was of this text and of the present inputs."""
        run = self.runs.get(cell)
        return (
            run is not None
            and run.text == text
            and all(
                run.inputs.get(name, [])[: len(writers)] == self._latest(writers)
                for name, writers in inputs.items()
            )
        )

    def _holds(self, known, name, writers, reader):
        """Tells whether a name is what its writers left; a generator may have gone on."""
        expected, actual = self._latest(writers), self.history[name]
        more = actual[len(expected) :]
        mine = known.is_generator(name) or all(cell == reader for cell, _ in more)
        return not writers or (actual[: len(expected)] == expected and mine)

    def ran(self, texts, cell, passed):
        """Notes that a cell has run."""
        known = page(texts)
        self.count += 1
        inputs = {name: list(self.history[name]) for name in known.inputs(cell)}
        for name in known.writes[cell]:
            if passed and name in known.binds[cell]:
                self.history[name] = []
            self.history[name].append((cell, self.count))
        self.runs.pop(cell, None)
        if passed:
            self.runs[cell] = Run(texts[cell], self.count, inputs)
