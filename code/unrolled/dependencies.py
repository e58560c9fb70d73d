"""What a recorded result rests on, statement by statement.

A script names its records in a dictionary ``RECORDS = {name: what makes it}``. From that value one
follows the names: through imports, by qualified name, to functions, classes and constants. What a
statement does is its *normal form*: without comments, docstrings, annotations, imports and guards
(statements that only raise), and with every name as it is called where it is defined. A block
``with`` what only keeps results, such as a lock, counts as the statements in it. So neither a
reworded error, nor a module that moves, nor a function that nobody calls changes a hash.

Two things cannot be read off the names. A function of a module that is passed as a value
(``cell.forward``) is taken from every such module, or from those that a run was seen to enter. A
module whose name stands in a string counts whole: it runs as a process of its own.

A script may also say which arguments make a record, ``ARGUMENTS = {name: ("--small",)}``, which
records it reads, ``BUILDS_ON = (name, ...)``, where ``*`` stands for all others, how long it takes
on one core, ``MINUTES = 5`` or ``{name: 5}``, and that it measures times, so that nothing may run
beside it, ``ALONE = True``. None of these is part of what a record rests on.
"""

import ast
import fnmatch
import functools
import graphlib
import hashlib
from typing import Any, NamedTuple

# packages, and the folders they lie in
ROOMS = {"unrolled": "code", "experiments": "."}
EFFECTS = "(import)"  # what a module does when it is imported, as one piece
# they keep what others made
PLUMBING = {
    "records",
    "dependencies",
    "files",
    "installed",
    "checkpoint",
    "interruption",
}
# a decorator that does nothing but raise, or reword what is raised
REWORDS = ("unrolled.arguments", "names_arguments")
UNCHECKED = (
    "unrolled.arguments",
    "unchecked",
    [],
)  # its argument, without what only raises


class NoScript(LookupError):
    """No script makes a record of this name; the message says where it was looked for."""


class Module(NamedTuple):
    """A module's definitions, what it does when imported, its names for others, its records."""

    definitions: dict[str, list[ast.stmt]]
    effects: list[ast.stmt]
    imports: dict[str, str]
    records: dict[str, ast.expr]
    arguments: dict[str, tuple[str, ...]]
    builds_on: tuple[str, ...]
    minutes: int | dict[str, int]
    alone: bool


class Making(NamedTuple):
    """How a record is made: by ``python -m command``, when, and how long that takes on one core."""

    command: tuple[str, ...]
    after: tuple[str, ...]  # the records that it builds on
    minutes: int
    alone: bool  # it measures times


class Piece(NamedTuple):
    """What a definition does, and what it leads to."""

    meaning: str
    objects: frozenset[tuple[str, str]]  # (module, name)
    modules: frozenset[str]  # passed as values
    attributes: frozenset[str]  # called, or passed on, of what is not known
    imports: frozenset[str]  # modules that are imported inside
    runs: frozenset[str]  # modules named in strings


def read(root):
    """Returns the House of the package and the experiments below a folder, as they are now."""
    return House(sources(root))


def sources(root):
    """Returns {module: text} of the package and the experiments below a folder."""
    found = {}
    for room, folder in ROOMS.items():
        for path in sorted((root / folder / room).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path.read_text("utf-8")
    return found


def file_of(module, root):
    """Returns the file of a module below a folder, whether or not it is there."""
    path = root / ROOMS[module.partition(".")[0]] / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def written(node):
    """Returns a syntax tree as text: the same under every version of Python that parses it so.

    What ``ast.unparse`` and ``ast.dump`` write differs between versions, and with empty fields.
    """
    if isinstance(node, list):
        return f"[{' '.join(map(written, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={written(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None
        and value != []
        and name not in ("ctx", "kind", "type_comment")
    ]
    return f"{type(node).__name__}({' '.join(fields)})"


def compared(before, now):
    """Returns the names that two results of ``of`` do not share, wherever a piece stands now."""
    return sorted(_unlike(before, now) | _unlike(now, before))


def _unlike(these, those):
    left = [(name.rpartition(".")[2], digest) for name, digest in those.items()]
    found = set()
    for name, digest in these.items():
        piece = (name.rpartition(".")[2], digest)
        if piece in left:
            left.remove(piece)
        else:
            found.add(name)
    return found


class House:
    """All modules as they were when they were read, and how a name in one leads to another."""

    def __init__(self, sources):
        """Keeps {module: source}."""
        self.modules = {name: _module(name, source) for name, source in sources.items()}
        self.scripts = {
            record: name
            for name, module in self.modules.items()
            if name.startswith("experiments.")
            for record in module.records
        }
        self._pieces: dict[tuple[str, str], Piece] = {}
        self._guards: dict[tuple[str, str], bool] = {}

    def rests_on(self, record, entered=None):
        """Returns what a record rests on, as {qualified name: hash}.

        Args:
            record: its name in a script's RECORDS.
            entered: last names of the modules that a run was seen to enter; functions of modules
                that are passed as values are taken from these only. None: from all.

        Raises:
            NoScript: no script makes such a record.
        """
        if record not in self.scripts:
            raise NoScript(f"no script in experiments/ has {record!r} in its RECORDS")
        module = self.scripts[record]
        root = self.piece(module, [ast.Expr(self.modules[module].records[record])])
        reached: dict[tuple[str, str], Piece] = {}
        waiting = [((module, "RECORDS"), root)]
        imported: set[str] = set()
        values: set[str] = set()
        attributes: set[str] = set()

        def take(module, name):
            if (module, name) not in reached and module.rpartition(".")[
                2
            ] not in PLUMBING:
                waiting.append(((module, name), self.definition(module, name)))

        def enter(module):
            if module not in imported:
                imported.add(module)
                take(module, EFFECTS)
                for other in self.imports(module):
                    enter(other)

        while waiting:
            where, piece = waiting.pop()
            if where in reached:
                continue
            reached[where] = piece
            for other in (where[0], *piece.imports):
                enter(other)
            for found in piece.objects:
                take(*found)
            for other in piece.runs:
                for name in self.modules[other].definitions:
                    take(other, name)
            values |= piece.modules
            attributes |= piece.attributes
            for other in values:
                if entered is None or other.rpartition(".")[2] in entered:
                    for name in attributes & self.modules[other].definitions.keys():
                        take(other, name)
        return {
            f"{module}.{name}": hashlib.sha256(piece.meaning.encode()).hexdigest()[:12]
            for (module, name), piece in sorted(reached.items())
            if piece.meaning
        }

    def makings(self):
        """Returns {record: Making}, each after those it builds on."""
        found = {}
        for record, script in self.scripts.items():
            said = self.modules[script]
            others = sorted(self.scripts.keys() - {record})
            after = [fnmatch.filter(others, pattern) for pattern in said.builds_on]
            found[record] = Making(
                (script, *said.arguments.get(record, ())),
                tuple(name for names in after for name in names),
                said.minutes[record]
                if isinstance(said.minutes, dict)
                else said.minutes,
                said.alone,
            )
        order = graphlib.TopologicalSorter({name: m.after for name, m in found.items()})
        return {record: found[record] for record in order.static_order()}

    def kind(self, name):
        """Returns what a qualified name stands for, or None if it is gone.

        That is "function", also for a class that has some; "fields", for a class that has none;
        or "constant".
        """
        module, _, name = name.rpartition(".")
        definitions = self.modules[module].definitions if module in self.modules else {}
        match definitions.get(name):
            case None:
                return None
            case [ast.ClassDef(body=body), *_] if not any(
                isinstance(part, ast.FunctionDef) for part in body
            ):
                return "fields"
            case [ast.FunctionDef() | ast.ClassDef(), *_]:
                return "function"
        return "constant"

    def resolve(self, dotted):
        """Returns (module, name, rest of the path), name None for a module; None if not ours."""
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            module, rest = ".".join(parts[:length]), parts[length:]
            if module not in self.modules:
                continue
            if not rest:
                return module, None, []
            if rest[0] in self.modules[module].definitions:
                return module, rest[0], rest[1:]
            if rest[0] in self.modules[module].imports:
                alias = self.modules[module].imports[rest[0]]
                return self.resolve(".".join([alias, *rest[1:]]))
            return None
        return None

    def definition(self, module, name):
        """Returns the piece of one name of a module, or of what its import does."""
        if (module, name) not in self._pieces:
            of = self.modules[module]
            statements = of.effects if name == EFFECTS else of.definitions[name]
            self._pieces[module, name] = self.piece(module, statements)
        return self._pieces[module, name]

    def piece(self, module, statements):
        """Returns the piece of some statements that stand in a module."""
        reader = _Reader(self, module)
        kept = [new for s in statements for new in reader.statement(_copy(s))]
        return Piece(
            "\n".join(map(written, kept)),
            frozenset(reader.objects),
            frozenset(reader.passed),
            frozenset(reader.attributes),
            frozenset(reader.imported),
            frozenset(reader.runs),
        )

    def imports(self, module):
        """Yields the modules of the house that a module imports at its top."""
        for dotted in [
            module.rpartition(".")[0],
            *self.modules[module].imports.values(),
        ]:
            if found := self.module_of(dotted):
                yield found

    def module_of(self, dotted):
        """Returns the module that an import of a dotted path runs; None if not ours."""
        parts = dotted.split(".")
        paths = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((path for path in paths if path in self.modules), None)

    def only_guards(self, module, name):
        """Tells whether a function does nothing but raise, or, as a decorator, reword errors."""
        if (module, name) == REWORDS:
            return True
        if (module, name) not in self._guards:
            self._guards[module, name] = False  # so says a function that calls itself
            match self.modules[module].definitions[name]:
                case [ast.FunctionDef(body=body)]:
                    rest = _Reader(self, module).block(_copy(body))
                    self._guards[module, name] = not rest
        return self._guards[module, name]


def _copy(node):
    """Returns a copy of a tree that can be written in."""
    if isinstance(node, list):
        return [_copy(one) for one in node]
    if not isinstance(node, ast.AST):
        return node
    return type(node)(**{name: _copy(value) for name, value in ast.iter_fields(node)})


@functools.lru_cache(maxsize=1024)
def _module(name, source):
    definitions: dict[str, list[ast.stmt]] = {}
    effects = []
    tree = ast.parse(source)
    records: dict[str, ast.expr] = {}
    said: dict[str, Any] = {
        "ARGUMENTS": {},
        "BUILDS_ON": (),
        "MINUTES": 0,
        "ALONE": False,
    }
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=defined) | ast.ClassDef(name=defined):
                definitions.setdefault(defined, []).append(statement)
            case ast.Assign(targets=[ast.Name(id="RECORDS")], value=ast.Dict() as made):
                for key, value in zip(made.keys, made.values, strict=True):
                    records[ast.literal_eval(key)] = value  # type: ignore[arg-type]
            case ast.Assign(targets=[ast.Name(id=constant)], value=value) if (
                constant in said and name.startswith("experiments.")
            ):
                said[constant] = ast.literal_eval(value)
            case ast.Assign() | ast.AnnAssign() if stored := _stored(statement):
                for each in stored:
                    definitions.setdefault(each, []).append(statement)
            case ast.Import() | ast.ImportFrom():
                pass
            case ast.If(test=test) if "__name__" in (words := ast.unparse(test)):
                pass
            case ast.If(test=test) if "TYPE_CHECKING" in words:
                pass
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                effects.append(statement)
                for each in _stored(statement):
                    definitions.setdefault(each, []).append(statement)
    top = [s for s in tree.body if not isinstance(s, ast.FunctionDef | ast.ClassDef)]
    return Module(definitions, effects, _aliases(top, name), records, *said.values())


def _stored(statement):
    """Returns the plain names that a statement outside of functions gives a value."""
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _aliases(statements, module):
    """Returns {name: dotted path} of what is imported in statements of a module."""
    found = {}
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                for name in node.names:
                    first = name.name.partition(".")[0]
                    found[name.asname or first] = name.name if name.asname else first
            elif isinstance(node, ast.ImportFrom):
                above = module.split(".")[: -node.level] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                found |= {
                    name.asname or name.name: f"{base}.{name.name}"
                    for name in node.names
                }
    return found


class _Reader(ast.NodeTransformer):
    """Brings statements into their normal form, and notes what they lead to."""

    def __init__(self, house, module):
        self.house, self.module = house, module
        self.aliases = dict(house.modules[module].imports)
        self.local: list[set[str]] = []
        self.objects: set[tuple[str, str]] = set()
        self.passed: set[str] = set()
        self.attributes: set[str] = set()
        self.imported: set[str] = set()
        self.runs: set[str] = set()

    def statement(self, node):
        """Returns the statements that a statement becomes; none if it does nothing."""
        match node:
            case (
                ast.Raise()
                | ast.Assert()
                | ast.Pass()
                | ast.Import()
                | ast.ImportFrom()
            ):
                return []
            case ast.Expr(value=ast.Constant()):
                return []
            case ast.Expr(value=ast.Call(func=called)) if self.is_guard(called):
                return []
            case ast.AnnAssign(value=None):
                node.annotation = ast.Constant(...)  # the field of a class
                return [node]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self.statement(ast.Assign([target], value))
            case ast.If():
                raises = _ends_in_raise(node.body)
                body, orelse = self.block(node.body), self.block(node.orelse)
                if not body and (raises or not orelse):
                    named = any(
                        isinstance(part, ast.NamedExpr) for part in ast.walk(node.test)
                    )
                    return [
                        *([ast.Expr(self.visit(node.test))] if named else []),
                        *orelse,
                    ]
                return [ast.If(self.visit(node.test), body or [ast.Pass()], orelse)]
            case ast.With(items=items) if any(map(self.only_keeps, items)):
                node.items = [item for item in items if not self.only_keeps(item)]
                return self.statement(node) if node.items else self.block(node.body)
            case ast.For(body=body, orelse=[]) if not (
                all(isinstance(part, ast.Pass) for part in body)
                or self.block(_copy(body))
            ):
                return []
            case ast.Try() if not node.finalbody and all(
                _ends_in_raise(handler.body) and not self.block(_copy(handler.body))
                for handler in node.handlers
            ):
                return self.block(node.body + node.orelse)
        new = self.visit(node)
        return [new] if new is not None else []

    def block(self, statements):
        """Returns the normal form of statements that follow each other."""
        return [new for statement in statements for new in self.statement(statement)]

    def is_guard(self, called):
        """Tells whether a call of this leads to a function that only raises."""
        if (path := _path(called)) and not self.is_local(path[0]):
            found = self.found(path)
            return bool(found and found[1] and self.house.only_guards(*found[:2]))
        return False

    def only_keeps(self, item):
        """Tells whether an item of a ``with`` calls what keeps results, and gives no value."""
        match item:
            case ast.withitem(context_expr=ast.Call(func=called), optional_vars=None):
                path = _path(called)
                if path and not self.is_local(path[0]) and (found := self.found(path)):
                    return found[0].rpartition(".")[2] in PLUMBING
        return False

    def is_local(self, name):
        return any(name in names for names in self.local)

    def found(self, path):
        """Returns what a dotted path leads to, as ``House.resolve`` does."""
        if path[0] in self.aliases:
            return self.house.resolve(".".join([self.aliases[path[0]], *path[1:]]))
        if path[0] in self.house.modules[self.module].definitions:
            return self.module, path[0], path[1:]
        return None

    # --- nodes, in the visitor's way of naming its methods ---------------------------------------

    def generic_visit(self, node):
        """Visits the parts of a node; blocks of statements as statements."""
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self.block(value) or [ast.Pass()])
            elif isinstance(value, list):
                setattr(
                    node,
                    name,
                    [self.visit(v) if isinstance(v, ast.AST) else v for v in value],
                )
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        return node

    def visit_FunctionDef(self, node):  # noqa: N802
        node.returns = None
        node.decorator_list = [
            self.visit(decorator)
            for decorator in node.decorator_list
            if not self.is_guard(getattr(decorator, "func", decorator))
        ]
        node.args = self.visit(node.args)  # defaults are values of the scope outside
        outside = self.aliases
        inner = _aliases(node.body, self.module)
        self.aliases = outside | inner
        for dotted in inner.values():
            if found := self.house.module_of(dotted):
                self.imported.add(found)
        self.local.append(_locals(node) - inner.keys())
        node.body = self.block(node.body) or [ast.Pass()]
        self.local.pop()
        self.aliases = outside
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node):  # noqa: N802
        node.args = self.visit(node.args)
        self.local.append(
            {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
        )
        node.body = self.visit(node.body)
        self.local.pop()
        return node

    def visit_arg(self, node):  # noqa: N802
        node.annotation = None
        return node

    def visit_Constant(self, node):  # noqa: N802
        if isinstance(node.value, str) and node.value in self.house.modules:
            if "." in node.value:
                self.runs.add(node.value)
                node.value = node.value.rpartition(".")[2]
        return node

    def visit_Name(self, node):  # noqa: N802
        return self.reference(node, [node.id])

    def visit_Attribute(self, node):  # noqa: N802
        path = _path(node)
        if (
            path
            and not self.is_local(path[0])
            and (path[0] in self.aliases or self.found(path))
        ):
            return self.reference(node, path)
        if getattr(node, "passed_on", False):
            self.attributes.add(node.attr)
        node.value = self.visit(node.value)
        return node

    def reference(self, node, path):
        """Returns a name or dotted path as it is called where it is defined; notes where it is."""
        if not isinstance(node.ctx, ast.Load) and len(path) == 1:
            return node
        if self.is_local(path[0]):
            return node
        if found := self.found(path):
            module, name, rest = found
            if name is None:
                self.passed.add(module)
                return ast.Name(module.rpartition(".")[2], node.ctx)
            self.objects.add((module, name))
            if not isinstance(
                self.house.modules[module].definitions[name][0], ast.ClassDef
            ):
                self.attributes.update(rest)
            return _dotted([name, *rest], node.ctx)
        if path[0] in self.aliases:
            return _dotted([*self.aliases[path[0]].split("."), *path[1:]], node.ctx)
        return node

    def visit_Call(self, node):  # noqa: N802
        if (path := _path(node.func)) and self.found(path) == UNCHECKED:
            return self.visit(node.args[0])
        _pass_on(node.func, *node.args, *(keyword.value for keyword in node.keywords))
        return self.generic_visit(node)

    def visit_Assign(self, node):  # noqa: N802
        if all(isinstance(target, ast.Name | ast.Tuple) for target in node.targets):
            _pass_on(node.value)
        return self.generic_visit(node)

    def visit_Return(self, node):  # noqa: N802
        _pass_on(node.value)
        return self.generic_visit(node)

    def visit_Tuple(self, node):  # noqa: N802
        _pass_on(*node.elts)
        return self.generic_visit(node)

    visit_List = visit_Tuple  # noqa: N815


def _pass_on(*nodes):
    """Marks attributes whose value is called or goes elsewhere: they may be functions."""
    for node in nodes:
        if isinstance(node, ast.Starred):
            node = node.value
        if isinstance(node, ast.Attribute):
            node.passed_on = True  # type: ignore[attr-defined]


def _ends_in_raise(body):
    return bool(body) and isinstance(body[-1], ast.Raise)


def _locals(function):
    """Returns the names that belong to a function: arguments, and what it or a part of it binds."""
    found, free = set(), set()
    for node in ast.walk(function):
        match node:
            case ast.arg(arg=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if (
                node is not function
            ):
                found.add(name)
            case ast.Global(names=names):
                free |= set(names)
    return found - free


def _path(node):
    """Returns the names of a dotted path; None of another expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (path := _path(node.value)):
        return [*path, node.attr]
    return None


def _dotted(path, ctx):
    node: ast.expr = ast.Name(path[0], ctx if len(path) == 1 else ast.Load())
    for attribute in path[1:]:
        node = ast.Attribute(node, attribute, ctx)
    return node
