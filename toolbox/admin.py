"""Tools in the admin: a form for each kind, and a page on which one is tried."""

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.admin import DiscreetAdmin, OwnFilter, pretty
from projects.audit import Verb
from projects.models import Role, Tool
from projects.tools import of_row

from .forms import FORMS, DataForm, OfProject, TryForm, example_of
from .trying import attempt

KINDS = (
    (Tool.Kind.SQL, "A named SELECT on a database of yours. Arguments are bound parameters; nothing is ever written."),
    (
        Tool.Kind.HTTP,
        "One request to an API, with arguments in its path, its query and its body. To listed hosts only.",
    ),
    (Tool.Kind.SCHEMA, "Says whether a value follows a JSON Schema, and where it does not."),
    (Tool.Kind.TEXT, "Finds phrases and patterns in a text, or searches texts of yours by words."),
    (Tool.Kind.FUNCTION, "Code of this installation, registered in TOOL_MODULES: whatever the others cannot do."),
)
TITLES = {
    Tool.Kind.SQL: "The query",
    Tool.Kind.HTTP: "The request",
    Tool.Kind.SCHEMA: "The schema",
    Tool.Kind.TEXT: "The search",
}


@admin.register(Tool)
class ToolAdmin(DiscreetAdmin):
    of_project = "project"
    seen_by = Role.DESIGNER
    told = ("project", "name", "kind", "enabled", "side_effects", "takes_key", "timeout", "retries")
    list_display = ["name", "kind", "enabled", "side_effects_of", "project", "about"]
    list_filter = ["kind", "enabled", ("project", OwnFilter)]
    list_select_related = ["project"]
    search_fields = ["name", "description"]
    ordering = ["project", "name"]
    readonly_fields = ["kind_of", "says", "takes", "answers"]

    def get_urls(self) -> list:
        return [
            path("<path:object_id>/try/", self.admin_site.admin_view(self.try_it), name="projects_tool_try"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """First which kind: each has a form of its own."""
        if self.has_add_permission(request) and request.GET.get("kind") not in FORMS:
            kinds = [{"value": kind.value, "label": kind.label, "says": says} for kind, says in KINDS]
            return self._page(request, "choose", title="Add tool", kinds=kinds)
        return super().add_view(request, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Tool | None = None, change: bool = False, **named: object
    ) -> type[forms.ModelForm]:
        """Without the fields that cannot be changed: Django leaves those in that a form names itself."""
        form = self._form(request, obj)
        fixed = ["project", "name"] if obj else []
        if obj and not self.has_change_permission(request, obj):
            fixed = list(form.declared_fields)
        own = type(form.__name__, (form,), {name: None for name in fixed if name in form.declared_fields})
        return super().get_form(request, obj, change, form=own, **named)

    def get_fieldsets(self, request: HttpRequest, obj: Tool | None = None) -> list:
        form = self._form(request, obj)
        is_data = issubclass(form, DataForm)
        head = (None, {"fields": ["project", "name", "kind_of", "enabled", *(["description"] if is_data else [])]})
        if not is_data:
            return [head]
        called = [*(["side_effects", "takes_key"] if form.kind == Tool.Kind.HTTP else []), "timeout", "retries"]
        tail = ("How it is called", {"fields": called})
        if obj and not self.has_change_permission(request, obj):
            return [head, (None, {"fields": ["says", "takes", "answers"]}), tail]
        own = (TITLES[form.kind], {"fields": list(form.settings)})
        schemas = [name for name in ("input_schema", "output_schema") if name in form.declared_fields]
        return [head, own, *([("What it takes and answers", {"fields": schemas})] if schemas else []), tail]

    def _form(self, request: HttpRequest, tool: Tool | None) -> type[OfProject]:
        """A tool that is there keeps its kind."""
        return FORMS[tool.kind if tool else request.GET.get("kind", Tool.Kind.FUNCTION.value)]

    def get_readonly_fields(self, request: HttpRequest, obj: Tool | None = None) -> list[str]:
        return [*self.readonly_fields, "project", "name"] if obj else self.readonly_fields

    @admin.display(description="kind")
    def kind_of(self, tool: Tool) -> str:
        """Of a tool that is being added too."""
        return tool.get_kind_display()

    @admin.display(description="what it is told")
    def says(self, tool: Tool) -> SafeString:
        return pretty(tool.settings)

    @admin.display(description="input schema")
    def takes(self, tool: Tool) -> SafeString:
        return pretty(tool.input_schema)

    @admin.display(description="output schema")
    def answers(self, tool: Tool) -> SafeString:
        return pretty(tool.output_schema)

    @admin.display(description="side effects", boolean=True)
    def side_effects_of(self, tool: Tool) -> bool | None:
        known = of_row(tool)
        return known.side_effects if known else None

    @admin.display(description="what it is for")
    def about(self, tool: Tool) -> SafeString | str:
        known = of_row(tool)
        if known is None:
            return "No module has this function."
        return format_html("{}", known.description[:200])

    def try_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Calls it once, and shows what it answers. That it was tried, and by whom, stands in the audit."""
        tool = self.get_object(request, object_id)
        if tool is None or not self.has_view_permission(request, tool):
            raise Http404
        known, trial = of_row(tool), None
        form = TryForm(request.POST or None, initial={"arguments": example_of(known.input_schema if known else {})})
        if request.method == "POST" and form.is_valid():
            trial = attempt(tool, form.cleaned_data["arguments"])
            self.record(request, tool, Verb.TESTED, came="an error" if trial.error else "an answer")
        may_try = known is not None and not known.side_effects
        answer = pretty(trial.answer) if trial and (trial.answer is not None or not trial.error) else ""
        schema = pretty(known.input_schema) if known else ""
        return self._page(
            request, "try", title="Try it", tool=tool, form=form if may_try else None, trial=trial, answer=answer,
            schema=schema,
        )  # fmt: skip

    def _page(self, request: HttpRequest, name: str, **more: object) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.model._meta, **more}
        return render(request, f"admin/projects/tool/{name}.html", context)
