"""What a prompt template may contain: an allow-list over Jinja's syntax tree. `prompts.check` calls it."""

import math
import re
from dataclasses import dataclass, field

from jinja2 import nodes

MAX_DEPTH = 100  # of the syntax tree: far from what the stack can hold, here and when it is compiled
MAX_LOOPS = 2  # one inside the other

FILTERS: dict[str, tuple[str, ...]] = {  # name → its arguments
    "default": ("default_value", "boolean"),
    "first": (),
    "join": ("d",),
    "last": (),
    "length": (),
    "lower": (),
    "round": ("precision",),
    "title": (),
    "tojson": ("indent",),
    "trim": (),
    "upper": (),
}
TESTS = ("none", "defined")
LOOP_WORDS = ("index", "last")
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For),
    *(nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test),
    *(nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Add, nodes.Sub),
)
_WORDS = {
    nodes.Call: "Nothing can be called here",
    nodes.Assign: "`set` is not known here",
    nodes.AssignBlock: "`set` is not known here",
    nodes.Mod: "`%` is not known here",
    nodes.Mul: "`*` is not known here",
    nodes.Concat: "`~` is not known here",
    nodes.Neg: "A negative number is not known here",
    nodes.Slice: "A slice `[a:b]` is not known here",
}
_HOW = "a prompt has {{ }}, if, for, comparisons and the listed filters; compute anything else in a code step"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def complaints(tree: nodes.Template, steps_above: frozenset[str], names: frozenset[str]) -> list[str]:
    """A sentence for each thing that is not allowed, with its line."""
    reader = _Reader(steps_above, names)
    reader.read(tree, frozenset(), 0)
    return list(dict.fromkeys(reader.found))


@dataclass
class _Reader:
    """Walks a template's syntax tree: what is not allowed by name is refused."""

    steps_above: frozenset[str]
    names: frozenset[str]
    found: list[str] = field(default_factory=list)
    depth: int = 0

    def read(self, node: nodes.Node, loop_names: frozenset[str], loops: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._complain(node, "The template is too deeply nested")
        elif isinstance(node, nodes.For):
            self._read_for(node, loop_names, loops)
        elif not self._read_reference(node, loop_names, loops):
            self._read_itself(node)
            for child in node.iter_child_nodes():
                self.read(child, loop_names, loops)
        self.depth -= 1

    def _read_for(self, node: nodes.For, loop_names: frozenset[str], loops: int) -> None:
        if loops == MAX_LOOPS:
            self._complain(node, f"Loops stand at most {MAX_LOOPS} deep")
        if node.recursive:
            self._complain(node, "A loop cannot be recursive")
        inside = loop_names
        if not isinstance(node.target, nodes.Name):
            self._complain(node, "A loop has one variable: for x in …")
        elif node.target.name in self.names | {"loop"}:
            self._complain(node, f"{node.target.name!r} has a meaning already; give the loop's variable another name")
        else:
            inside = loop_names | {node.target.name}
        self.read(node.iter, loop_names, loops)
        for child in (*([node.test] if node.test else []), *node.body, *node.else_):
            self.read(child, inside, loops + 1)

    def _read_reference(self, node: nodes.Node, loop_names: frozenset[str], loops: int) -> bool:
        """Names, and the two that are more than a value: `steps` and `loop`. True where nothing is left to read."""
        match node:
            case nodes.Getattr(node=nodes.Name(name="steps"), attr=str(step)):
                self._step(node, step)
            case nodes.Getitem(node=nodes.Name(name="steps"), arg=nodes.Const(value=str(step))):
                self._step(node, step)
            case nodes.Name(name="steps"):
                self._complain(node, "Write the step's id out: steps.id or steps['id']")
            case nodes.Getattr(node=nodes.Name(name="loop"), attr=word) if loops and word in LOOP_WORDS:
                pass
            case nodes.Name(name="loop"):
                self._complain(node, "Of `loop` there are loop.index and loop.last, inside a loop")
            case nodes.Name(name=name):
                if name not in self.names | loop_names:
                    known = ", ".join(sorted(self.names | loop_names))
                    self._complain(node, f"The name {name[:80]!r} does not exist; there are {known}")
            case _:
                return False
        return True

    def _step(self, node: nodes.Node, step: str) -> None:
        if step not in self.steps_above:
            self._complain(node, f"No step {step[:80]!r} stands above this one")

    def _read_itself(self, node: nodes.Node) -> None:
        match node:
            case nodes.Filter(name=name) if name not in FILTERS:
                self._complain(node, f"The filter {name[:80]!r} is not known; there are {', '.join(FILTERS)}")
            case nodes.Filter(name=name):
                self._read_arguments(node, name)
            case nodes.Test(name=name) if name not in TESTS or node.args or node.kwargs:
                self._complain(node, f"The test {name[:80]!r} is not known; there are {', '.join(TESTS)}")
            case nodes.Getattr(attr=name) if name.startswith("__"):
                self._complain(node, f"{name[:80]!r} is not a field of the data")
            case nodes.Const(value=value):
                self._read_constant(node, value)
            case nodes.CondExpr(expr2=None):
                self._complain(node, "An `if` inside {{ }} needs its `else`")
            case _ if not isinstance(node, _ALLOWED):
                words = _WORDS.get(type(node), f"`{type(node).__name__.lower()}` is not known here")
                self._complain(node, f"{words}: {_HOW}")

    def _read_constant(self, node: nodes.Node, value: object) -> None:
        if isinstance(value, str) and UNSTORABLE.search(value):
            self._complain(node, "A text holds a character that cannot be stored")
        if isinstance(value, float) and math.isinf(value):
            self._complain(node, "A number is too large")

    def _read_arguments(self, node: nodes.Filter, name: str) -> None:
        known = FILTERS[name]
        unknown = [keyword.key for keyword in node.kwargs if keyword.key not in known]
        if node.node is None or node.dyn_args or node.dyn_kwargs or unknown or len(node.args) > len(known):
            takes = f"takes {', '.join(known)} only" if known else "takes nothing in brackets"
            self._complain(node, f"The filter {name!r} {takes}")

    def _complain(self, node: nodes.Node, sentence: str) -> None:
        self.found.append(f"Line {node.lineno}: {sentence}.")
