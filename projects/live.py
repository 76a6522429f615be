"""Pages that follow what they show while it moves. The part that moves stands at an address of its own, `…/live/`: htmx asks it
again and again with what it was told last, and hears in a few small queries, and without a page being made, that nothing is new.

`static/live.js` puts what is new in place of the old, and touches nothing else.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from hashlib import blake2s

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .pages import ReadableAdmin

OVER = 286  # htmx takes it as 200, and asks no more
SCRIPT = "HX-Request"  # the header that htmx sends
FRAME = "admin/fragment.html"  # in place of a whole page


def mark(value: object) -> str:
    """Short, and another one once anything of it is another. `value`: of rows' columns, which are told apart by their `repr`."""
    return blake2s(repr(value).encode(), digest_size=5).hexdigest()


@dataclass(frozen=True)
class Live:
    """What follows a row. `seen`: the marks of what is shown, with which `address` is asked every so many seconds; `over`: no more,
    nothing moves any longer."""

    address: str
    seen: str
    every: int
    over: bool = False

    @property
    def attributes(self) -> SafeString:
        """Of the element that holds what moves."""
        if self.over:
            return SafeString()
        return format_html(
            ' data-live hx-ext="renew" hx-swap="renew" hx-get="{}" hx-vals=\'{{"seen": "{}"}}\''
            ' hx-trigger="every {}s, visibilitychange from:document"',
            *(self.address, self.seen, self.every),
        )


class LiveAdmin(ReadableAdmin):
    """A page whose row may still move. `every`: seconds between two looks. Its template holds what moves in an element with
    `{{ live.attributes }}`, and includes `admin/live.html` there with the sentence that is read aloud, which is `aloud`."""

    every = 2

    def moves(self, row: models.Model) -> bool:
        raise NotImplementedError

    def marks(self, row: models.Model) -> Sequence[object]:
        """Little that is another once anything is that the page shows: of the row as it was read, and of a few small queries."""
        raise NotImplementedError

    def shown_since(self, request: HttpRequest, row: models.Model, known: Container[str]) -> dict[str, object]:
        """As `shown`. What bears one of the marks that are `known` may be left out: it is there already."""
        return self.shown(request, row)

    def get_urls(self) -> list:
        view = self._for_script(self.admin_site.admin_view(self.live))
        return [path("<path:object_id>/live/", view, name=self._named("live")), *super().get_urls()]

    def contents(self, request: HttpRequest, row: models.Model) -> dict[str, object]:
        """Marked before it is read: what changes in between is told again."""
        live = self._live(request, row, self._seen(row)) if self.moves(row) else None
        return {"live": live, **super().contents(request, row)}

    def live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What moves; nothing, where nothing is new. Whoever comes without the script is led to the page."""
        row = self.found(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        if SCRIPT not in request.headers:
            return redirect(f"admin:{self._named('change')}", row.pk)
        if not self.moves(row):
            live = Live("", "", self.every, over=True)
            return self._fragment(request, row, {"live": live, **self.shown(request, row)}, OVER)
        known, seen = request.GET.get("seen", ""), self._seen(row)
        if known == seen:
            return HttpResponse(status=204)
        shown = self.shown_since(request, row, set(known.split(".")))
        return self._fragment(request, row, {"live": self._live(request, row, seen), **shown}, 200)

    def _fragment(self, request: HttpRequest, row: models.Model, shown: dict, status: int) -> HttpResponse:
        context = {"opts": self.opts, "row": row, "title": str(row), "frame": FRAME, **shown}
        return render(request, self.page, context, status=status)

    def _seen(self, row: models.Model) -> str:
        return ".".join(map(mark, self.marks(row)))

    def _live(self, request: HttpRequest, row: models.Model, seen: str) -> Live:
        """Its address has what the page's has: a filter, or which page of results it is."""
        asked = request.GET.copy()
        asked.pop("seen", None)
        address = reverse(f"admin:{self._named('live')}", args=[row.pk])
        return Live(f"{address}?{asked.urlencode()}" if asked else address, seen, self.every)

    def _named(self, word: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{word}"

    def _for_script(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """A browser that is signed out is led to the door. A script would take the door for what it asked for: it is told."""

        def told(request: HttpRequest, object_id: str) -> HttpResponse:
            if SCRIPT in request.headers and not self.admin_site.has_permission(request):
                return HttpResponse(status=403)
            return view(request, object_id)

        return told


def lasts(seconds: float) -> str:
    """So long, in words, as `static/live.js` counts on."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ticking(seconds: float) -> SafeString:
    """So long by now; in a browser it goes on."""
    return format_html('<span class="ticks" data-seconds="{}">{}</span>', round(seconds, 1), lasts(seconds))
