"""What a design is asked for, in the words of whoever asks. Pure: kept in `Design.brief` as its JSON, told to the frontier by
`prompts`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wire.problems import Fault, Invalid, pointer
from workflows import faults as sentences

MAX_TASK = 20_000  # characters, as all of these
MAX_LINE = 5_000  # of a requirement or a constraint
MAX_LINES = 200
MAX_POLICIES = 100
MAX_POLICY_TEXT = 400_000  # of all policies together
MAX_MATERIAL = 400_000  # of the document and the files together
MAX_FILES = 100
MAX_NAME = 200
MAX_ANSWERS = 100
MAX_NOTE = 20_000  # that goes with a redesign
MOST_EXECUTIONS = 1_000_000_000
TELLING = 30  # a task as short as this says too little alone

_LIST = Field(strict=False)  # JSON has lists, a frozen model tuples


class Piece(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Policy(Piece):
    """A text that has to be kept to, with its clause ids in it as its authors wrote them."""

    name: str
    text: str

    @field_validator("name", "text")
    @classmethod
    def _said(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("A policy has a name and a text.")
        return text

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        if len(name) > MAX_NAME:
            raise ValueError(f"A policy's name has at most {MAX_NAME} characters; its text stands in 'text'.")
        return name


class Answered(Piece):
    """A question of an earlier design, and what a person answered."""

    question: str
    answer: str

    @field_validator("question", "answer")
    @classmethod
    def _bounded(cls, text: str) -> str:
        if not text.strip() or len(text) > MAX_LINE:
            raise ValueError(f"A question and its answer have 1 to {MAX_LINE} characters each.")
        return text


class Brief(Piece):
    """`document`: the Markdown in which the task is described by now, such as the text of a SKILL.md; `files`: what lies beside it,
    by path. Lists that are too long are no `ValueError`: `faults` says so, with everything else that is wrong."""

    task: str
    requirements: Annotated[tuple[str, ...], _LIST] = ()
    policies: Annotated[tuple[Policy, ...], _LIST] = ()
    constraints: Annotated[tuple[str, ...], _LIST] = ()
    document: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    executions_per_month: int | None = None
    answers: Annotated[tuple[Answered, ...], _LIST] = ()

    @field_validator("task")
    @classmethod
    def _task(cls, text: str) -> str:
        if len(text) > MAX_TASK:
            raise ValueError(f"A task has at most {MAX_TASK} characters: what is longer is a policy or the 'document'.")
        return text

    @field_validator("policies")
    @classmethod
    def _policies(cls, policies: tuple[Policy, ...]) -> tuple[Policy, ...]:
        if sum(len(policy.text) for policy in policies) > MAX_POLICY_TEXT:
            raise ValueError(f"The policies have at most {MAX_POLICY_TEXT} characters together: send what concerns it.")
        if len({policy.name for policy in policies}) < len(policies):
            raise ValueError("Two policies have the same name: a clause has to be found by it.")
        return policies

    @field_validator("executions_per_month")
    @classmethod
    def _executions(cls, number: int | None) -> int | None:
        if number is not None and not 1 <= number <= MOST_EXECUTIONS:
            raise ValueError(f"'executions_per_month' is from 1 to {MOST_EXECUTIONS}.")
        return number

    @model_validator(mode="after")
    def _material(self) -> Self:
        if len(self.document) + sum(map(len, self.files.values())) > MAX_MATERIAL:
            raise ValueError(
                f"The document and the files have at most {MAX_MATERIAL} characters together: leave out what is not read for it."
            )
        return self

    @property
    def names_only_a_task(self) -> bool:
        given = (self.requirements, self.policies, self.constraints, self.document.strip(), self.files, self.answers)
        return not any(given)


def read(value: object) -> Brief:
    """What came from outside → a brief. Raises `Invalid`, with everything that is wrong with its structure."""
    try:
        return Brief.model_validate(value)
    except ValidationError as error:
        raise Invalid.of(
            Fault(pointer(*place), detail) for place, detail in sentences.of_structure(error, _keys_at)
        ) from error


def faults(brief: Brief, examples: int = 0) -> list[Fault]:
    """What is missing in a brief, or too much, before anything is paid for it. `examples`: how many came with it."""
    return [*_of_task(brief, examples), *_of_lists(brief), *_of_files(brief.files)]


def _of_task(brief: Brief, examples: int) -> Iterator[Fault]:
    task = brief.task.strip()
    if not task:
        yield Fault("/task", "Say in plain words what is to be done, again and again: the task is empty.")
    elif len(task) < TELLING and brief.names_only_a_task and not examples:
        yield Fault(
            "/task",
            "There is nothing to go on: describe the task in a few sentences, or send requirements, a policy or examples.",
        )


def _of_lists(brief: Brief) -> Iterator[Fault]:
    for name in ("requirements", "constraints"):
        lines: Sequence[str] = getattr(brief, name)
        if len(lines) > MAX_LINES:
            yield Fault(f"/{name}", f"At most {MAX_LINES} {name}, not {len(lines)}: a longer text is a policy.")
        for index, line in enumerate(lines[:MAX_LINES]):
            if not line.strip() or len(line) > MAX_LINE:
                yield Fault(pointer(name, index), f"This has 1 to {MAX_LINE} characters: a longer text is a policy.")
    if len(brief.policies) > MAX_POLICIES:
        yield Fault("/policies", f"At most {MAX_POLICIES} policies, not {len(brief.policies)}: put some together.")
    if len(brief.answers) > MAX_ANSWERS:
        yield Fault("/answers", f"At most {MAX_ANSWERS} answers, not {len(brief.answers)}.")


def _of_files(files: dict[str, str]) -> Iterator[Fault]:
    if len(files) > MAX_FILES:
        yield Fault("/files", f"At most {MAX_FILES} files, not {len(files)}: leave out what is not read for it.")
    for path in list(files)[:MAX_FILES]:
        if not path.strip() or len(path) > MAX_NAME:
            yield Fault(pointer("files", path[:MAX_NAME]), f"A file's path has 1 to {MAX_NAME} characters.")


def _keys_at(place: sentences.Location) -> sentences.Keys:
    match place:
        case ("policies", _):
            return Policy.model_fields, ()
        case ("answers", _):
            return Answered.model_fields, ()
        case _:
            return Brief.model_fields, ()
