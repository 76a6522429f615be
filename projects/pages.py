"""Pages of the admin that are made to be read, and lists that stay fast however long they are. Every app's pages begin here."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from wire.problems import Problem

from .admin import ReadOnlyAdmin, pretty
from .models import Role

DEEPEST = 4  # levels of a JSON value that are told in words; what lies deeper is shown as JSON
SHORT = 40  # characters: a list of such texts stands in a line
SENTENCES = 20  # of what is wrong with one form


class ById:
    """A list that is searched by a row's id, through the index: Django's own would compare the text of every id. `looked_for`:
    the columns that an id may stand in."""

    looked_for: Sequence[str] = ("pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        if not search_term:
            return queryset, False
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return queryset.none(), False
        anywhere = models.Q(*((column, wanted) for column in self.looked_for), _connector=models.Q.OR)
        return queryset.filter(anywhere), False


class ReadableAdmin(ReadOnlyAdmin):
    """A kind whose rows have a page of their own, in place of a form that nobody can fill in. `page`: its template."""

    page: str

    def shown(self, request: HttpRequest, row: models.Model) -> dict[str, object]:
        """What the template shows, beside the row itself, which is `row` there."""
        raise NotImplementedError

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        row = self.found(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self.rendered(request, self.page, row, str(row), **self.contents(request, row))

    def contents(self, request: HttpRequest, row: models.Model) -> dict[str, object]:
        """What the page shows, and whatever its kind of page adds."""
        return self.shown(request, row)

    def found(self, request: HttpRequest, object_id: str, least: Role | None = Role.VIEWER) -> models.Model:
        """The row of an address. What does not exist and what is another project's is the same 404, and so is what takes a
        higher role."""
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.may(request, least, row):
            raise Http404
        return row

    def rendered(
        self, request: HttpRequest, template: str, row: models.Model, title: str, **more: object
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "row": row,
            "title": title,
            **more,
        }
        return render(request, template, context)

    def confirmed(
        self,
        request: HttpRequest,
        row: models.Model,
        do: Callable[[], str],
        *,
        back: str,
        template: str = "admin/confirm.html",
        **shown: object,
    ) -> HttpResponse:
        """A page that asks before it does something. `do` does it and returns the sentence that says so, or raises a
        `Problem`, which is told on the page; `back` is the address that it leads to. `shown`: `title`, `button`, `said` (the
        sentences above the button) and `refused` (why there is no button). `template`: one that extends this one."""
        wrong: list[str] = []
        if request.method == "POST" and not shown.get("refused"):
            try:
                messages.success(request, do())
                return redirect(back)
            except Problem as problem:
                wrong = sentences(problem)
        return self.rendered(request, template, row, **shown, back=back, wrong=wrong)


def sentences(problem: Problem) -> list[str]:
    """What is wrong, one sentence for each place."""
    told = [f"{fault.pointer or '/'}: {fault.detail}" for fault in problem.faults] or [problem.detail]
    more = len(told) - SENTENCES
    return [*told[:SENTENCES], f"… and {more} more."] if more > 0 else told


def readable(value: object, depth: int = 0) -> SafeString | str:
    """A JSON value as one reads it: names and what they say, lists, tables. Escaped: it may come from anywhere."""
    if isinstance(value, str):
        return format_html('<span class="said">{}</span>', value)
    if not isinstance(value, dict | list):
        return {None: "–", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)
    if not value:
        return "–"
    return pretty(value) if depth >= DEEPEST else _members(value, depth + 1)


def _members(value: dict | list, depth: int) -> SafeString:
    if isinstance(value, dict):
        pairs = ((name, readable(one, depth)) for name, one in value.items())
        return format_html('<dl class="read">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs))
    if all(isinstance(one, str) and len(one) <= SHORT for one in value):
        return format_html_join(" ", '<span class="tag">{}</span>', ((one,) for one in value))
    if columns := _columns(value):
        return _table(columns, value, depth)
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((readable(one, depth),) for one in value)))


def _columns(rows: list) -> list[str]:
    """Of a list whose members are small objects alike; else none."""
    if len(rows) < 2 or not all(isinstance(row, dict) for row in rows):
        return []
    names = list(dict.fromkeys(name for row in rows for name in row))
    return names if len(names) <= 5 else []


def _table(columns: list[str], rows: list[dict], depth: int) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in columns))
    lines = (
        (format_html_join("", "<td>{}</td>", ((readable(row.get(name), depth),) for name in columns)),) for row in rows
    )
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html('<div class="wide"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>', head, body)
