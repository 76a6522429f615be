"""Fields in which somebody writes JSON. It is read strictly, as the API reads it."""

import json

from django import forms

from projects.pages import sentences
from wire import strict_json
from wire.problems import Problem

from ..cases import ABSENT

MAX_JSON = 200_000  # characters
CODE = {"rows": 8, "cols": 80, "spellcheck": "false", "class": "code"}


def written(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _loaded(text: str) -> object:
    try:
        return strict_json.loads(text)
    except Problem as problem:
        raise forms.ValidationError(sentences(problem)) from problem


class Json(forms.JSONField):
    """A list or an object; left empty it is an empty one."""

    def __init__(self, kind: type, max_length: int = MAX_JSON, rows: int = 8, **named: object) -> None:
        self.kind = kind
        widget = forms.Textarea(attrs={**CODE, "rows": rows})
        super().__init__(required=False, widget=widget, max_length=max_length, **named)

    def prepare_value(self, value: object) -> str:
        return value if isinstance(value, str) else written(self.kind() if value is None else value)

    def to_python(self, value: object) -> object:
        if isinstance(value, self.kind):
            return value
        if not isinstance(value, str) or not value.strip():
            return self.kind()
        found = _loaded(value)
        if not isinstance(found, self.kind):
            raise forms.ValidationError(f"It has to be a JSON {'list' if self.kind is list else 'object'}.")
        return found


class AnyJson(forms.CharField):
    """Any value, `ABSENT` where nothing is written. Begins with a text, as `written` makes it."""

    def __init__(self, max_length: int, rows: int = 8, **named: object) -> None:
        widget = forms.Textarea(attrs={**CODE, "rows": rows})
        super().__init__(widget=widget, max_length=max_length, **named)

    def clean(self, value: object) -> object:
        text = super().clean(value)
        return _loaded(text) if text else ABSENT
