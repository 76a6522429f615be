"""What a model is told of a task without its workflow: the words stand in `templates/prompts/shadow/`, by format. Pure; `task`
asks. The stated prompt is a person's text and is no template: nothing in it is filled in."""

import json
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.types import Block, Request
from workflows.prompts import marked, new_marker
from workflows.schemas import check_model_output

FORMAT = 1
MAX_TOKENS = 8_192  # of an answer


def request(model: str, prompt: str, input: object, output_schema: Mapping[str, object] | None) -> Request:
    """A schema that providers can hold a model to goes with it; another one is told in words, and the answer is checked alike."""
    marker = new_marker()
    schema = dict(output_schema) if output_schema else None
    held_to = schema if schema and not check_model_output(schema) else None
    told = json.dumps(schema, ensure_ascii=False) if schema else ""
    system = _texts.get_template(f"{FORMAT}/system.txt").render(prompt=prompt.strip(), schema=told)
    user = _texts.get_template(f"{FORMAT}/user.txt").render(input=marked(input, marker))
    return Request(model, (Block(system, cached=True),), user, held_to, MAX_TOKENS, marker)


_texts = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates" / "prompts" / "shadow"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 (what is rendered is plain text for a model)
)
