"""The forms of tools: one for each kind, whose fields are its settings, each with what it means and what is wrong with it."""

import json
from collections.abc import Iterable

from django import forms

from projects.models import Project, Tool, ToolVariable
from projects.tools import registered
from wire import strict_json
from wire.problems import Problem
from wire.redaction import PERSONAL, USUAL_NAMES, policy_of

from . import database, request, search
from .kinds import faults_of

LINES = {"rows": 4, "cols": 80, "class": "vLargeTextField"}
MAX_JSON = 200_000  # characters
ARGUMENTS = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
_CREDENTIALS = policy_of(USUAL_NAMES - PERSONAL, ())
NOT_KEPT = "This holds what looks like a secret: keep it in the environment."


class JsonField(forms.CharField):
    """A JSON value in the form, strictly read; shown as one can read it."""

    def __init__(self, **named: object) -> None:
        super().__init__(widget=forms.Textarea(attrs={**LINES, "rows": 8}), max_length=MAX_JSON, **named)

    def prepare_value(self, value: object) -> object:
        return value if isinstance(value, str) or value is None else json.dumps(value, indent=2, ensure_ascii=False)

    def clean(self, value: object) -> object:
        text = super().clean(value)
        if not text.strip():
            return None
        try:
            return strict_json.loads(text)
        except Problem as problem:
            raise forms.ValidationError(problem.detail) from problem

    def has_changed(self, initial: object, data: object) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class LinesField(forms.CharField):
    """A list in the row, lines in the form."""

    def __init__(self, **named: object) -> None:
        rows = named.pop("rows", 4)
        super().__init__(widget=forms.Textarea(attrs={**LINES, "rows": rows}), required=False, **named)

    def prepare_value(self, value: object) -> object:
        return value if isinstance(value, str) or value is None else "\n".join(self.lines_of(value))

    def clean(self, value: object) -> object:
        lines = [line.strip() for line in super().clean(value).splitlines()]
        return self.value_of([line for line in lines if line])

    def has_changed(self, initial: object, data: object) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def lines_of(self, value: Iterable[str]) -> Iterable[str]:
        return value

    def value_of(self, lines: list[str]) -> object:
        return list(dict.fromkeys(lines))


class HostsField(LinesField):
    def value_of(self, lines: list[str]) -> object:
        return super().value_of([line.lower() for line in lines])


class HeadersField(LinesField):
    def lines_of(self, value: dict[str, str]) -> Iterable[str]:
        return [f"{name}: {said}" for name, said in value.items()]

    def value_of(self, lines: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in lines:
            name, colon, said = line.partition(":")
            if not colon or name.strip().lower() in map(str.lower, found):
                raise forms.ValidationError("One header a line, each once: Accept-Language: en")
            found[name.strip()] = said.strip()
        return found


class PatternsField(LinesField):
    def lines_of(self, value: list[dict[str, str]]) -> Iterable[str]:
        return [f"{one['name']}: {one['pattern']}" for one in value]

    def value_of(self, lines: list[str]) -> list[dict[str, str]]:
        found = []
        for line in lines:
            name, colon, pattern = line.partition(":")
            if not colon or not name.strip() or not pattern.strip():
                raise forms.ValidationError("One pattern a line, behind its name: order: A[0-9]{5}")
            found.append({"name": name.strip()[:100], "pattern": pattern.strip()})
        return found


class TextsField(LinesField):
    """Each text under its title, as Markdown writes one."""

    def lines_of(self, value: list[dict[str, str]]) -> Iterable[str]:
        return [f"# {one['title']}\n{one['text']}\n" for one in value]

    def clean(self, value: object) -> object:
        found: list[dict[str, str]] = []
        for line in forms.CharField.clean(self, value).splitlines():
            if line.startswith("# "):
                found.append({"title": line[2:].strip()[:300], "text": ""})
            elif found:
                found[-1]["text"] += f"{line}\n"
            elif line.strip():
                raise forms.ValidationError("A text begins with its title, in a line such as # Returns.")
        return [{**one, "text": one["text"].strip()} for one in found]


class OfProject(forms.ModelForm):
    """What all have: the project and the name, which stay as they are once the tool is there. `kind`: of the tools it makes."""

    kind = Tool.Kind.FUNCTION

    class Meta:
        model = Tool
        fields = ["project", "name", "description", "enabled"]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.instance.kind = self.kind

    def clean(self) -> dict[str, object]:
        given = super().clean()
        project, name = self._project(), given.get("name")
        if self.instance._state.adding and project and name and project.tools.filter(name=name).exists():
            self.add_error("name", "This project has a tool of this name.")
        return given

    def _project(self) -> Project | None:
        return self.cleaned_data.get("project") or (self.instance.project if self.instance.project_id else None)


class FunctionForm(OfProject):
    name = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(registered())],
        help_text="Of the functions in TOOL_MODULES; what one takes and does is said there.",
    )


class DataForm(OfProject):
    """A tool that is data. `settings`: which fields of the form are of its kind."""

    settings: tuple[str, ...] = ()
    needs = ("input_schema", "output_schema", "side_effects", "takes_key", "timeout", "retries")
    name = forms.RegexField(
        r"\A[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*\Z",
        max_length=100,
        help_text="What definitions call it, such as shop.order. It stays as it is.",
        error_messages={"invalid": "Small letters, digits, hyphens and underscores, in words with a dot between them."},
    )
    input_schema = JsonField(help_text=Tool._meta.get_field("input_schema").help_text, initial=ARGUMENTS)
    output_schema = JsonField(help_text=Tool._meta.get_field("output_schema").help_text, required=False)

    class Meta(OfProject.Meta):
        fields = [*OfProject.Meta.fields, "side_effects", "takes_key", "timeout", "retries"]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for name, value in (self.instance.settings or {}).items():
            self.initial[name] = value
        if self.instance.pk:
            self.initial |= {"input_schema": self.instance.input_schema, "output_schema": self.instance.output_schema}

    def clean(self) -> dict[str, object]:
        given = super().clean()
        for name in self.fields:
            if isinstance(given.get(name), dict | list | str) and _CREDENTIALS.value(given[name]) is not given[name]:
                self.add_error(name, NOT_KEPT)
        given["name"] = given.get("name") or self.instance.name
        if given["name"] in registered():
            self.add_error("name", "A Python function has this name.")
        if not self.errors:
            self._clean_tool(given)
        return given

    def _clean_tool(self, given: dict[str, object]) -> None:
        row = Tool(pk=self.instance.pk, kind=self.instance.kind, project=self._project(), name=given["name"])
        for name in self.needs:
            setattr(row, name, given.get(name, getattr(row, name)))
        row.settings = {name: given[name] for name in self.settings}
        for name, fault in faults_of(row).items():
            self.add_error(name if name in self.fields else None, fault)
        for name in ("input_schema", "output_schema", "settings"):
            setattr(self.instance, name, getattr(row, name))


class SqlForm(DataForm):
    kind = Tool.Kind.SQL
    settings = ("source", "query", "one", "max_rows", "max_bytes")
    source = forms.ChoiceField(
        label="Database",
        help_text="The variable of the environment that holds its address. An operator says on the project's page which there are.",
    )
    query = forms.CharField(
        widget=forms.Textarea(attrs={**LINES, "rows": 10, "spellcheck": "false"}),
        help_text="One SELECT, with :name where an argument goes: SELECT number, paid FROM orders WHERE number = :number. Values "
        "never become a part of its text.",
    )
    one = forms.BooleanField(
        label="Exactly one row",
        required=False,
        help_text="It answers the row itself; none, or more than one, is an error. Else {rows, count, truncated}.",
    )
    max_rows = forms.IntegerField(
        label="Rows at most", min_value=1, max_value=database.MAX_ROWS, initial=database.USUAL_ROWS
    )
    max_bytes = forms.IntegerField(
        label="Bytes at most",
        min_value=1_000,
        max_value=database.MAX_BYTES,
        initial=database.USUAL_BYTES,
        help_text="Of all rows, as JSON. What is beyond it is left out, and truncated says so.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if "source" in self.fields:
            self.fields["source"].choices = self._sources()

    def _sources(self) -> list[tuple[str, str]]:
        """Of the projects that may be chosen."""
        projects = self.fields["project"].queryset if "project" in self.fields else [self.instance.project]
        granted = ToolVariable.objects.filter(project__in=projects, name__startswith="SQL_").order_by("name")
        names = dict.fromkeys(granted.values_list("name", flat=True))
        return [(name, name) for name in names]


class HttpForm(DataForm):
    kind = Tool.Kind.HTTP
    settings = ("method", "url", "hosts", "headers", "response", "key_header", "max_bytes")
    method = forms.ChoiceField(choices=[(one, one) for one in request.METHODS])
    url = forms.CharField(
        label="Address",
        max_length=2_000,
        widget=forms.TextInput(attrs={"class": "vLargeTextField", "size": 80}),
        help_text="With {name} where an argument goes, in the path or the query: "
        "https://api.example.com/orders/{number}?lang={lang}. A parameter whose argument is missing is left out. What stands "
        "nowhere in it is the body of a POST, PUT or PATCH, as a JSON object.",
    )
    hosts = HostsField(
        label="Hosts it may reach",
        help_text="One a line, such as api.example.com or api.example.com:8443: the address's own, and those that it may be led "
        "to. Empty: its own alone.",
    )
    headers = HeadersField(
        help_text="One a line. A secret stands in them by the name of its variable: Authorization: Bearer {TOOL_SHOP_TOKEN}",
    )
    response = forms.ChoiceField(
        label="It answers",
        choices=[(request.JSON, "JSON"), (request.TEXT, 'a text, which becomes {"text": …}')],
    )
    key_header = forms.CharField(
        label="Header of the idempotency key",
        max_length=100,
        initial="Idempotency-Key",
        help_text="Sent where it takes a key: the same key for the same call, however often it is made.",
    )
    max_bytes = forms.IntegerField(
        label="Bytes at most", min_value=1_000, max_value=request.MAX_BYTES, initial=request.USUAL_BYTES
    )

    def clean_hosts(self) -> list[str]:
        hosts, url = self.cleaned_data["hosts"], self.cleaned_data.get("url", "")
        return hosts or request.own_host(url)


class SchemaForm(DataForm):
    kind = Tool.Kind.SCHEMA
    settings = ("schema",)
    input_schema = output_schema = None
    schema = JsonField(
        label="JSON Schema",
        help_text="Of the argument `value` (JSON Schema 2020-12). It answers whether that is valid, and each error with its place.",
    )


class TextForm(DataForm):
    kind = Tool.Kind.TEXT
    settings = ("mode", "phrases", "patterns", "fold_case", "whole_words", "texts", "max_found")
    input_schema = output_schema = None
    mode = forms.ChoiceField(
        label="What it does",
        choices=[
            (search.FIND, "finds phrases and patterns in the argument `text`"),
            (search.SEARCH, "searches the texts below by the words of the argument `query`"),
        ],
    )
    phrases = LinesField(help_text="One a line. They are looked for as they stand.")
    patterns = PatternsField(
        help_text="One a line, behind its name: order: A[0-9]{5}. Regular expressions without look-around and back references, so "
        "that no text takes long.",
    )
    fold_case = forms.BooleanField(label="Upper and lower case are the same", required=False, initial=True)
    whole_words = forms.BooleanField(
        required=False,
        initial=True,
        help_text="The phrase art is not found in party. Patterns say it themselves: \\bart\\b",
    )
    texts = TextsField(
        rows=12,
        help_text="Each under its title, in a line such as # Returns. The best are answered first, with an excerpt.",
    )
    max_found = forms.IntegerField(
        label="Texts that are answered at most", min_value=1, max_value=search.MAX_FOUND, initial=5
    )


FORMS = {form.kind.value: form for form in (FunctionForm, SqlForm, HttpForm, SchemaForm, TextForm)}


class TryForm(forms.Form):
    arguments = JsonField(help_text="As a step would pass them. Nothing of this is kept but that it was tried.")

    def clean_arguments(self) -> dict:
        arguments = self.cleaned_data["arguments"]
        if not isinstance(arguments, dict):
            raise forms.ValidationError('Write an object, such as {"number": "A100"}.')
        return arguments


def example_of(schema: dict) -> dict:
    """Arguments of the right form, to begin with."""
    values = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
    found = {}
    for name, one in schema.get("properties", {}).items():
        given = one.get("examples") if isinstance(one, dict) else None
        kind = one.get("type") if isinstance(one, dict) else None
        found[name] = (
            given[0] if isinstance(given, list) and given else values.get(kind if isinstance(kind, str) else "")
        )
    return found
