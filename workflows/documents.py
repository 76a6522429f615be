"""A definition as it may be sent: the object, the same as YAML, or Markdown alone, which becomes one model step."""

import re

from wire import strict_yaml
from wire.problems import Invalid, Malformed, TooLarge

YAML = re.compile(r"^(steps|input_schema):", re.MULTILINE)  # of a text with such a line it is said, and no prose
MAX_TITLE = 120  # characters

_OUTPUT = {
    "type": "object",
    "required": ["response"],
    "additionalProperties": False,
    "properties": {"response": {"type": "string"}},
}


def document_of(sent: dict[str, object] | str) -> dict[str, object]:
    """The definition as an object. Raises `Invalid` for a text that is neither."""
    if not isinstance(sent, str):
        return sent
    if not sent.strip():
        raise Invalid.at("", "This text is empty.")
    key = YAML.search(sent)
    return _from_yaml(sent, key) if key else from_markdown(sent)


def _from_yaml(text: str, key: re.Match[str]) -> dict[str, object]:
    try:
        document = strict_yaml.loads(text)
    except (Malformed, TooLarge) as problem:
        line = text.count("\n", 0, key.start()) + 1
        said = (
            f"Line {line} begins with `{key[0]}`, a key of a definition, so this text is read as YAML. {problem.detail}"
        )
        said = f"{said} If it is meant as Markdown, let no line begin so: indent it, or write it otherwise."
        raise Invalid.at("", said) from problem
    if not isinstance(document, dict):
        raise Invalid.at("", "As YAML this text is no mapping.")
    return document


def from_markdown(text: str) -> dict[str, object]:
    """One step `follow`, on the cheap tier: the text is the guidance, the input is the data, `{response}` the output."""
    lines = [line.strip().lstrip("#").strip() for line in text.splitlines()]
    title, *rest = [line for line in lines if line] or [text.strip()]
    # What looks like an insertion is the text's own: it comes back out of a constant as it was.
    braces = {"constants": {"braces": "{{"}} if "{{" in text else {}
    return {
        "title": title[:MAX_TITLE],
        "purpose": (rest[0] if rest else title)[:1000],
        "input_schema": {},
        **braces,
        "guidance": text.replace("{{", "{{ constants.braces }}"),
        "steps": [
            {
                "id": "follow",
                "kind": "model",
                "tier": "cheap",
                "instructions": "Carry out the workflow on the input.",
                "prompt": "{{ input }}",
                "output_schema": _OUTPUT,
            }
        ],
    }
