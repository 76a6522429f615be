"""Every fenced block of every document, and the tests that say that they run it.

A test says so with `@pytest.mark.runs(document, language, heading)`: of that language all blocks in the document, or, with a
heading, all that stand right under it. A block that nothing can run says `shown` behind its language.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOT_OURS = {".venv", ".git", "var", ".hypothesis", "node_modules"}
FENCE = re.compile(r"^ *(```+|~~~+)(.*)$")
SHOWN = "shown"


@dataclass(frozen=True)
class Snippet:
    document: str
    line: int
    heading: str
    language: str
    said: str  # behind the language
    body: str


@dataclass(frozen=True)
class Claim:
    """Of a test: these are run by me."""

    test: str
    document: str
    language: str
    heading: str | None = None

    def covers(self, snippet: Snippet) -> bool:
        spoken = (snippet.language, f"{snippet.language} {snippet.said}")
        about = self.document in ("*", snippet.document) and self.language in spoken
        return about and self.heading in (None, snippet.heading)


def documents() -> list[Path]:
    found = [path for path in ROOT.rglob("*.md") if not NOT_OURS & set(path.relative_to(ROOT).parts)]
    return sorted(found)


def snippets(document: Path) -> Iterator[Snippet]:
    name, heading, fence = str(document.relative_to(ROOT)), "", None
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        found = FENCE.match(line)
        if fence is None and found:
            language, _, said = found[2].strip().partition(" ")
            fence, began, body = found[1], number, []
        elif fence is not None and found and found[1].startswith(fence) and not found[2].strip():
            yield Snippet(name, began, heading, language, said, "\n".join([*body, ""]))
            fence = None
        elif fence is not None:
            body.append(line)
        elif title := re.fullmatch(r"#+ (.*)", line):
            heading = title[1]
    assert fence is None, f"{name}: a block that begins in line {began} does not end"


def claims() -> Iterator[Claim]:
    """What the marks in the source of the tests say."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.runs(" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _claims_of(node, f"{path.relative_to(ROOT)}::{node.name}")


def _claims_of(test: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[Claim]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.runs":
            yield Claim(name, *[ast.literal_eval(word) for word in mark.args])
