"""Past examples in a file: one JSON object a line with `input`, and `output` where it is known; or a table (CSV) like one of cases,
with `expected` for the output."""

from evaluations import case_files
from wire.problems import Fault, Invalid, Problem, TooLarge

from .examples import MOST

MAX_FAULTS = 100
KEYS = ("input", "output", "note")


def read(name: str, content: bytes) -> list[dict[str, object]]:
    """Raises `Problem`, whose faults name the lines."""
    found, wrong = [], []
    for place, said in case_files.parted(name, content, needed=["input"]):
        try:
            found.append(_example(said()))
        except Problem as problem:
            wrong += [fault.under(place) for fault in problem.faults or [Fault("", problem.detail)]]
        if len(wrong) >= MAX_FAULTS:
            break
        if len(found) > MOST:
            raise TooLarge(f"At most {MOST} examples; take a sample of them.")
    if wrong:
        raise Invalid.of(wrong)
    if not found:
        raise Invalid("The file has no example.")
    return found


def _example(said: dict[str, object]) -> dict[str, object]:
    """A file of cases is one of examples too."""
    if "input" not in said:
        raise Invalid.at("/input", "An example has an input.")
    if "expected" in said:
        said = {**said, "output": said["expected"]}
    return {key: said[key] for key in KEYS if key in said}
