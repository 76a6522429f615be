"""A form for a value that follows a JSON Schema: a field for each simple property, JSON for what is deeper. The page of the queue
asks with it; what is right is said by the schema itself, and every complaint finds the field that it is about."""

import json
from collections.abc import Mapping

from django import forms

from wire import strict_json
from wire.problems import Fault, Problem

from .resolution import ABSENT

MAX_FIELDS = 30
SHORT = 100  # characters that stand in one line
ROWS, WIDE = 16, 42  # that a text has at most; characters of one line
WHOLE = "value"
NOTHING = ""  # the empty choice, and the empty text of what need not be there


class JsonField(forms.CharField):
    """Any value, as JSON; empty: none."""

    def __init__(self, **named: object) -> None:
        super().__init__(required=False, strip=True, widget=forms.Textarea(attrs={"class": "json"}), **named)

    def clean(self, value: object) -> object:
        text = super().clean(value)
        return _loaded(text, "This is not JSON") if text else ABSENT


class TextField(forms.CharField):
    """A text. Left empty it is left out, where it may be."""

    def __init__(self, empty: object, *, short: bool, **named: object) -> None:
        self.empty = empty
        widget = forms.TextInput() if short else forms.Textarea(attrs={"rows": 2})
        super().__init__(required=False, strip=False, widget=widget, **named)

    def clean(self, value: object) -> object:
        text = super().clean(value).replace("\r\n", "\n")
        return text if text else self.empty


class NumberField(forms.CharField):
    """A number as JSON writes it."""

    def __init__(self, empty: object, *, whole: bool, **named: object) -> None:
        self.empty = empty
        step = {"step": "1" if whole else "any"}
        super().__init__(required=False, widget=forms.NumberInput(attrs=step), **named)

    def clean(self, value: object) -> object:
        text = super().clean(value)
        if not text:
            return self.empty
        number = _loaded(text, "This is not a number")
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise forms.ValidationError("This is not a number.")
        return number


class OneOfField(forms.ChoiceField):
    """One of these values, whatever they are: chosen by their place."""

    def __init__(self, values: list, **named: object) -> None:
        self.values = values
        choices = [(NOTHING, "–"), *((str(place), _label(value)) for place, value in enumerate(values))]
        super().__init__(required=False, choices=choices, **named)

    def bound_data(self, data: object, initial: object) -> object:
        return Chosen(data or NOTHING)

    def prepare_value(self, value: object) -> object:
        if isinstance(value, Chosen):
            return value
        same = [str(place) for place, one in enumerate(self.values) if _same(one, value)]
        return same[0] if same else NOTHING

    def clean(self, value: object) -> object:
        chosen = super().clean(value)
        return ABSENT if chosen == NOTHING else self.values[int(chosen)]


class Chosen(str):
    """A place that came with the form, as against a value that was there before."""

    __slots__ = ()


class AnswerForm(forms.Form):
    """For `value()`, once it is valid. `known`: what to begin with."""

    def __init__(self, schema: Mapping | None, known: object, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, label_suffix="", **named)
        self.schema = schema or {}
        self.names: list[str] = []
        properties = _simple(self.schema, known)
        if properties is None:
            self.fields[WHOLE] = JsonField(label="The output, as JSON")
            self.initial[WHOLE] = NOTHING if known is ABSENT else written(known)
            self._size(WHOLE, self.initial[WHOLE])
            return
        for number, (name, property) in enumerate(properties.items()):
            self._add(str(number), name, property, known)

    def _add(self, key: str, name: str, property: Mapping, known: object) -> None:
        there = name in self.schema.get("required", ()) or (isinstance(known, dict) and name in known)
        self.names.append(name)
        field = self.fields[key] = _field(property, there)
        field.label, field.help_text = name, str(property.get("description") or "")[:500]
        if isinstance(known, dict) and name in known:
            value = known[name]
            self.initial[key] = written(value) if isinstance(field, JsonField) else value
            if isinstance(field.widget, forms.Textarea):
                self._size(key, str(self.initial[key]))

    def _size(self, key: str, text: str) -> None:
        lines = sum(1 + len(line) // WIDE for line in text.split("\n"))
        self.fields[key].widget.attrs["rows"] = max(2, min(lines, ROWS))

    def value(self) -> object:
        """`ABSENT` where nothing was written as JSON."""
        if not self.names and WHOLE in self.fields:
            return self.cleaned_data[WHOLE]
        given = {name: self.cleaned_data[str(number)] for number, name in enumerate(self.names)}
        return strict_json.check({name: value for name, value in given.items() if value is not ABSENT})

    def complain(self, fault: Fault, root: str) -> None:
        """Beside the field that it is about. `root`: the first part of its pointer."""
        where = fault.pointer.removeprefix(root)
        name, _, rest = where.removeprefix("/").partition("/")
        name = name.replace("~1", "/").replace("~0", "~")
        if where and name in self.names:
            said = f"{rest}: {fault.detail}" if rest else fault.detail
            self.add_error(str(self.names.index(name)), said)
        else:
            self.add_error(None if self.names else WHOLE, f"{where}: {fault.detail}" if where else fault.detail)


def written(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _simple(schema: Mapping, known: object) -> dict[str, Mapping] | None:
    """The properties of an object that a form can ask for one by one; None: it has to be written as JSON."""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict) or not 0 < len(properties) <= MAX_FIELDS:
        return None
    if not all(isinstance(each, dict) for each in properties.values()):
        return None
    begins = known if known is not ABSENT and known is not None else {}
    if not isinstance(begins, dict) or not begins.keys() <= properties.keys():
        return None  # what the form does not know would be lost
    if any(isinstance(begins.get(name), dict | list) and _is_simple(each) for name, each in properties.items()):
        return None  # it follows no schema, and has to be seen as it is
    return properties if set(schema.get("required", ())) <= properties.keys() else None


def _is_simple(schema: Mapping) -> bool:
    return not isinstance(_field(schema, there=True), JsonField)


def _field(schema: Mapping, there: bool) -> forms.Field:
    """`there`: whether the property has to be there, so that an empty one is null or an empty text."""
    types = schema.get("type")
    types = set(types) if isinstance(types, list) else {types}
    empty = None if "null" in types and there else ABSENT
    if "const" in schema:
        return OneOfField([schema["const"]])
    if isinstance(schema.get("enum"), list) and 0 < len(schema["enum"]) <= 200:
        return OneOfField(schema["enum"])
    match sorted(types - {"null"}, key=str):
        case ["boolean"]:
            return OneOfField([True, False, *([None] if "null" in types else [])])
        case ["integer"] | ["number"] as one:
            return NumberField(empty, whole=one == ["integer"])
        case ["string"]:
            longest = schema.get("maxLength")
            short = (isinstance(longest, int) and longest <= SHORT) or "format" in schema
            return TextField("" if there and "null" not in types else empty, short=short)
    return JsonField()


def _label(value: object) -> str:
    words = {True: "yes", False: "no"} if isinstance(value, bool) else {}
    return words.get(value) or (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:200]


def _same(one: object, other: object) -> bool:
    """`True` is not 1."""
    return type(one) is type(other) and one == other


def _loaded(text: str, sentence: str) -> object:
    try:
        return strict_json.loads(text)
    except Problem as problem:
        raise forms.ValidationError(f"{sentence}: {problem.detail}") from problem
