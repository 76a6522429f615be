"""What a Python text of a definition refers to: names, and steps by their ids. Read from its syntax tree, never run.

Called when a definition is checked, and by the engine, which must know what has to be done before a text is evaluated.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

MAX_EXPRESSION = 20_000  # characters; a long text is a code step's
MAX_CODE = 100_000

# The sandbox's own, without those that could hide what a text refers to (`eval`, `exec`, `locals`) or reach for a file.
# fmt: off
BUILTINS = frozenset({
    "abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter", "float",
    "format", "frozenset", "getattr", "hasattr", "hash", "hex", "id", "int", "isinstance", "iter", "len", "list", "map",
    "max", "min", "next", "object", "oct", "ord", "pow", "print", "property", "range", "repr", "reversed", "round",
    "set", "setattr", "slice", "sorted", "str", "sum", "tuple", "type", "zip", "Ellipsis", "NotImplemented",
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "Exception", "ImportError", "IndexError",
    "KeyError", "LookupError", "MemoryError", "ModuleNotFoundError", "NameError", "NotImplementedError", "OSError",
    "OverflowError", "RecursionError", "RuntimeError", "StopIteration", "SyntaxError", "TimeoutError", "TypeError",
    "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "ValueError", "ZeroDivisionError",
})
FREE = frozenset({
    "re", "math", "json", "date", "datetime", "timedelta", "timezone", "Decimal", "ROUND_HALF_UP", "Counter",
    "defaultdict",
})
IMPORTABLE = frozenset({
    "collections", "datetime", "decimal", "functools", "itertools", "json", "math", "re", "typing",
})
# fmt: on
EVERYWHERE = frozenset({"input", "steps", "constants", "now"})
ITEM = frozenset({"item", "index"})
SOMEWHERE = ITEM | {"output", "error"}  # each exists only where the format says so
_TAKEN = BUILTINS | FREE | EVERYWHERE | SOMEWHERE

_SURROGATE = re.compile("[\ud800-\udfff]")
_WRITTEN_OUT = "Write the step's id out, as in steps['clean']: what is read must be known before anything runs."

_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = ast.Module | ast.Expression | ast.ClassDef | _Function | ast.Lambda


@dataclass(frozen=True)
class Reading:
    """`names`: read and not bound in the text, without builtins. `steps`: ids. `faults`: sentences."""

    names: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


@lru_cache(maxsize=1024)
def steps_read(expression: str) -> frozenset[str]:
    """The ids of the steps that an expression reads: `steps['a'] or steps.get('b')` → a, b."""
    return read_expression(expression).steps


@lru_cache(maxsize=1024)
def reads_item(expression: str) -> bool:
    """Whether it is about one item of a list."""
    return not ITEM.isdisjoint(read_expression(expression).names)


def read_expression(text: str) -> Reading:
    """One Python expression, which may span lines."""
    if len(text) > MAX_EXPRESSION:
        return Reading(faults=(f"An expression has at most {MAX_EXPRESSION} characters; put this into a code step.",))
    return _read(text, _expression_tree, _reserved_in_expression)


def read_code(text: str) -> Reading:
    """The text of a code step, which defines `run(input, steps)`."""
    if len(text) > MAX_CODE:
        return Reading(faults=(f"Code has at most {MAX_CODE} characters.",))
    return _read(text, _code_tree, _reserved_in_code)


def _read(text: str, tree_of: Callable[[str], Any], reserved: Callable[[Any], list[str]]) -> Reading:
    try:
        tree = tree_of(text)
        reader = _Reader(tree)
        reader.visit(tree)
    except SyntaxError as error:
        return Reading(faults=(f"This is not Python: {error.msg[:120]} (line {error.lineno or 1}).",))
    except (RecursionError, MemoryError, ValueError):
        return Reading(faults=("This is too complicated to be read.",))
    faults = [*_misread(tree, text), *reserved(tree), *reader.faults]
    return Reading(frozenset(reader.names) - BUILTINS - FREE, frozenset(reader.steps), tuple(dict.fromkeys(faults)))


def _misread(tree: ast.AST, text: str) -> list[str]:
    r"""What Python reads and the sandbox does not, or not so: a name in letters that Python takes for others (`ｉnput`), and half
    of a character (`'\ud800'`)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and _SURROGATE.search(node.value):
                found.append("A text holds half of a character (a lone surrogate); write the character itself.")
        elif not text.isascii():
            found += [f"Write `{name[:60]}` in plain letters." for name in _names_in(node) if name not in text]
    return found


def _names_in(node: ast.AST) -> Iterable[str]:
    """The identifiers that stand in this very node, as Python reads them."""
    for _, value in ast.iter_fields(node):
        words = value if isinstance(value, list) else [value]
        yield from (part for word in words if isinstance(word, str) for part in word.split("."))


def _expression_tree(text: str) -> ast.Expression:
    """In parentheses, so that it may span lines; in brackets as well, so that it cannot close them: `1) + (2`."""
    match _parsed(f"[{text}\n]", "eval"):
        case ast.Expression(body=ast.List(elts=[_, *_])):
            return _parsed(f"({text}\n)", "eval")
        case _:
            raise SyntaxError("one expression is expected")


def _code_tree(text: str) -> ast.Module:
    return _parsed(text, "exec")


_parsing = Lock()


def _parsed(text: str, mode: str) -> Any:
    """Python warns of `'\\d'` in the text it reads. It is not our text, and the filters are one for all threads."""
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode=mode)


def _reserved_in_expression(tree: ast.Expression) -> list[str]:
    """A `:=` must not change what a name of the format means, not even for the rest of its expression."""
    return [f"`{name}` has a meaning already; assign to another name." for name in sorted(_bound(tree) & _TAKEN)]


def _reserved_in_code(tree: ast.Module) -> list[str]:
    taken = sorted(_bound(tree) & (EVERYWHERE | {"item", "index"}))
    found = [f"`{name}` is given; the code must not define it anew." for name in taken]
    runs = [node for node in tree.body if isinstance(node, _Function | ast.ClassDef) and node.name == "run"]
    if len(runs) != 1 or not _is_run(runs[0]):
        found.append("The code must define `def run(input, steps):` once, with exactly these two parameters.")
    return found


def _is_run(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    names = [parameter.arg for parameter in node.args.args]
    others = (node.args.posonlyargs, node.args.kwonlyargs, node.args.vararg, node.args.kwarg, node.args.defaults)
    return names == ["input", "steps"] and not any(others)


def _parameters(arguments: ast.arguments) -> list[str]:
    """In the order in which they are passed."""
    positional = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [one.arg for one in (*positional, arguments.vararg, arguments.kwarg) if one is not None]


def _targets(comprehension: _Comprehension) -> set[str]:
    stored = (node for one in comprehension.generators for node in ast.walk(one.target))
    return {node.id for node in stored if isinstance(node, ast.Name)}


def _bound(scope: _Scope) -> set[str]:
    """The names that a module, class, function or expression binds itself, not those of the scopes inside it."""
    found = set(_parameters(scope.args)) if isinstance(scope, _Function | ast.Lambda) else set()
    elsewhere: set[str] = set()
    todo: list[ast.AST] = [*scope.body] if isinstance(scope.body, list) else [scope.body]
    while todo:
        node = todo.pop()
        found.update(_binds(node))
        if isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere.update(node.names)
        todo += _in_same_scope(node)
    return found - elsewhere


def _binds(node: ast.AST) -> list[str]:
    match node:
        case (
            ast.Name(id=name, ctx=ast.Store())
            | ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.ClassDef(name=name)
            | ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            return [name]
        case ast.alias(name=name, asname=alias):
            return [alias or name.partition(".")[0]]
    return []


def _in_same_scope(node: ast.AST) -> Iterable[ast.AST]:
    """The targets of a comprehension are its own; a `:=` inside it is not."""
    if isinstance(node, _Function | ast.ClassDef | ast.Lambda):
        return ()
    if isinstance(node, ast.comprehension):
        return (node.iter, *node.ifs)
    return ast.iter_child_nodes(node)


class _Reader(ast.NodeVisitor):
    """Walks a tree with the scopes that are open, and notes each name that none of them binds."""

    def __init__(self, tree: ast.Module | ast.Expression) -> None:
        nodes = list(ast.walk(tree))
        module = _bound(tree) | {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        self.scopes = [module]
        self.takes_steps = {
            node.name: _parameters(node.args).index("steps")
            for node in nodes
            if isinstance(node, _Function) and "steps" in _parameters(node.args)
        }
        self.names: set[str] = set()
        self.steps: set[str] = set()
        self.faults: list[str] = []

    def visit_Name(self, node: ast.Name) -> None:
        self._refuse_dunder(node.id)
        if node.id == "steps":
            self.names.add("steps")
            self.faults.append(
                "`steps` is read one step at a time, as in steps['clean']."
                if isinstance(node.ctx, ast.Load)
                else "`steps` must not be given another meaning."
            )
        elif isinstance(node.ctx, ast.Load) and not any(node.id in scope for scope in self.scopes):
            self.names.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._refuse_dunder(node.attr)
        if _is_steps(node.value):
            self.names.add("steps")
            self.faults.append(f"Python reads a step with brackets: steps['{node.attr[:60]}'].")
        else:
            self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _is_steps(node.value):
            self._step(node.slice)
        else:
            self.visit(node.value)
        self.visit(node.slice)

    def visit_Call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Attribute(value=ast.Name(id="steps"), attr="get") if node.args:
                self._step(node.args[0])
            case function:
                self.visit(function)
        place = self.takes_steps.get(node.func.id) if isinstance(node.func, ast.Name) else None
        for index, argument in enumerate(node.args):
            if not (_is_steps(argument) and index == place):
                self.visit(argument)
        for keyword in node.keywords:
            if not (_is_steps(keyword.value) and place is not None and keyword.arg == "steps"):
                self.visit(keyword.value)

    def visit_FunctionDef(self, node: _Function) -> None:
        self._refuse_dunder(node.name)
        for outside in (*node.decorator_list, *_defaults(node.args)):
            self.visit(outside)
        self._inside(_bound(node), node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        self._inside(_bound(node), node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        if "steps" in _parameters(node.args):
            self.faults.append("`steps` must not be given another meaning.")
        for outside in _defaults(node.args):
            self.visit(outside)
        self._inside(_bound(node), [node.body])

    def visit_ListComp(self, node: _Comprehension) -> None:
        """The first iterable is evaluated outside."""
        self.visit(node.generators[0].iter)
        inside = [part for one in node.generators for part in (one.target, *one.ifs)]
        inside += [one.iter for one in node.generators[1:]]
        inside += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside(_targets(node), inside)

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Annotations are never evaluated."""
        for part in (node.target, node.value):
            if part is not None:
                self.visit(part)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._module(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._module("." * node.level + (node.module or ""))
        for alias in node.names:
            self._refuse_dunder(alias.name)

    def _inside(self, bound: set[str], nodes: Sequence[ast.AST]) -> None:
        self.scopes.append(bound)
        for node in nodes:
            self.visit(node)
        self.scopes.pop()

    def _step(self, identifier: ast.AST) -> None:
        self.names.add("steps")
        match identifier:
            case ast.Constant(value=str(name)):
                self.steps.add(name)
            case _:
                self.faults.append(_WRITTEN_OUT)

    def _module(self, name: str) -> None:
        if name not in IMPORTABLE:
            self.faults.append(
                f"The module {name[:60]!r} cannot be imported; there are {', '.join(sorted(IMPORTABLE))}."
            )

    def _refuse_dunder(self, name: str) -> None:
        if name.startswith("__"):
            self.faults.append(f"`{name[:60]}` cannot be used: names that begin with two underscores are Python's own.")


def _is_steps(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "steps"


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]
