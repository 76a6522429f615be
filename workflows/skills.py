"""An Agent Skill, a folder with a `SKILL.md`, as the draft of a workflow: its text becomes one model step that follows it, and
the rest is kept as design context, for whoever designs on. The command `import_workflow` reads it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from django.db import transaction

from projects.keeping import redaction
from projects.models import Project
from wire import strict_yaml
from wire.problems import Invalid, Malformed, NotFound, Problem, TooLarge

from .documents import from_markdown
from .models import Examined, Workflow
from .transfer import Arrival

MAX_SKILL = 256 * 1024  # bytes of SKILL.md
MAX_FILES = 100  # beside it
MAX_BYTES = 1024 * 1024  # of all of them together
MAX_PURPOSE = 1000  # characters

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)(.*)", re.DOTALL)
_BINARY = re.compile("[\x00-\x08\x0e-\x1f]")

Json = dict[str, object]


@dataclass(frozen=True)
class Skill:
    """`files`: the text files beside SKILL.md by their path; `left_out`: the paths of what is no text."""

    front_matter: Json
    text: str
    files: dict[str, str]
    left_out: list[str]

    @property
    def name(self) -> str:
        return str(self.front_matter["name"])

    @property
    def definition(self) -> Json:
        """As Markdown alone becomes one; it says itself what it is for."""
        document = from_markdown(self.text)
        title = document["title"] if self.text.startswith("#") else self.name
        return {**document, "title": title, "purpose": str(self.front_matter["description"])[:MAX_PURPOSE]}

    @property
    def design_context(self) -> Json:
        return {"skill": {"front_matter": self.front_matter, "files": self.files, "left_out": self.left_out}}


def read(folder: Path) -> Skill:
    """Raises a `Problem` that says what is wrong with the folder."""
    if not (folder / "SKILL.md").is_file():
        raise NotFound(f"{folder} has no SKILL.md.")
    root = folder.resolve()
    front_matter, text = _parts(_text(_inside(root / "SKILL.md", root), MAX_SKILL, "SKILL.md"))
    files, left_out, size = {}, [], 0
    for path in _beside(root):
        name = path.relative_to(root).as_posix()
        try:
            said = _text(path, MAX_BYTES, name)
        except Malformed:
            left_out.append(name)
            continue
        size += len(said.encode())
        files[name] = said
        if len(files) > MAX_FILES or size > MAX_BYTES:
            raise TooLarge(f"{folder} has more than {MAX_FILES} text files, or {MAX_BYTES} bytes of them.")
    return Skill(front_matter, text, files, left_out)


def bring(skill: Skill, project: Project, name: str, by: str) -> Arrival:
    """A draft: of a new workflow, or of one that is there, where its newest version is not this very skill. Raises `Invalid`
    where it cannot be a definition, and `Conflict` where the workflow is archived."""
    examined = Examined.of(skill.definition, project)
    context = redaction(project.pk).value(skill.design_context)
    with transaction.atomic():
        here = Workflow.objects.filter(project=project, name=name).first()
        workflow = here or Workflow.objects.begin(project, name, by)
        arrival, newest = Arrival(workflow), workflow.versions.order_by("-pk").first()
        if newest and (newest.content_hash, newest.design_context) == (examined.content_hash, context):
            arrival.there.append(newest.number)
            return arrival
        number = workflow.number_after("minor")
        workflow.draft(examined, number, design_context=skill.design_context, created_by=by)
        arrival.added.append(number)
        return arrival


def _parts(text: str) -> tuple[Json, str]:
    """The front matter, and what stands below it."""
    found = _FRONT_MATTER.fullmatch(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if found is None:
        raise Malformed(
            "SKILL.md begins with its front matter: a line of ---, name and description, another line of ---."
        )
    try:
        front_matter = strict_yaml.loads(found[1])
    except Problem as problem:
        raise Malformed(f"The front matter of SKILL.md: {problem.detail}") from problem
    for key in ("name", "description"):
        said = front_matter.get(key) if isinstance(front_matter, dict) else None
        if not isinstance(said, str) or not said.strip():
            raise Invalid(f"The front matter of SKILL.md has no {key}, which is a text.")
    if not found[2].strip():
        raise Invalid("SKILL.md says nothing below its front matter.")
    return front_matter, found[2].strip() + "\n"


def _beside(root: Path) -> Iterator[Path]:
    """Every other file in order, but for hidden ones. Raises `Invalid` for a link that leads out of the folder."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            _inside(Path(folder, name), root)
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith(".") and path != root / "SKILL.md":
                yield _inside(path, root)


def _inside(path: Path, root: Path) -> Path:
    if not path.name.isprintable():
        raise Invalid(f"The name {path.name!a} cannot be kept: it is not UTF-8, or has control characters.")
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        raise Invalid(f"{path.relative_to(root).as_posix()} is a link that leads out of the folder.")
    return path


def _text(path: Path, most: int, name: str) -> str:
    """Raises `Malformed` for what is no text, and `TooLarge`."""
    try:
        if not S_ISREG(path.stat().st_mode):
            raise Malformed(f"{name} is no file.")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise Malformed(f"{name} cannot be read: {error.strerror}.") from error
    if len(content) > most:
        raise TooLarge(f"{name} has more than {most} bytes.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{name} is not UTF-8.") from error
    if _BINARY.search(text):
        raise Malformed(f"{name} is no text.")
    return text
