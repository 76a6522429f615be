"""Lists by cursor, newest first. Used by every app's `api.py`."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from django.db.models import QuerySet
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from .problems import Malformed

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
MAX_PAGE_BYTES = 8 * 1024 * 1024  # a page that would be larger has fewer rows, and one at least
BLOCK = 25  # rows in memory at once: each may hold megabytes

Row = TypeVar("Row")
Render = Callable[[list], list[dict]]


def page(request: Request, rows: QuerySet, render: Render) -> Response:
    """`{results, next}`: newest first, by primary key, which grows with time; `next` is the address of the next page."""
    limit, rows = _limit(request), rows.order_by("-pk")
    if "cursor" in request.query_params:
        rows = rows.filter(pk__lt=_key(rows, request.query_params["cursor"]))
    results: list[dict] = []
    size, last = 0, None
    for key, shown in _shown(rows, limit, render):
        size += len(JSONRenderer().render(shown))
        if results and size > MAX_PAGE_BYTES:
            break
        results.append(shown)
        last = key
    more = last is not None and rows.filter(pk__lt=last).exists()
    return Response({"results": results, "next": _following(request, last) if more else None})


def page_of(
    request: Request, rows: Sequence[Row], key: Callable[[Row], str], render: Callable[[Row], dict]
) -> Response:
    """The same of rows that are in no table, in the order that they have. `key`: what tells one from every other."""
    limit, begins = _limit(request), 0
    if "cursor" in request.query_params:
        cursor = request.query_params["cursor"]
        begins = next((place for place, row in enumerate(rows, 1) if key(row) == cursor), 0)
        if not begins:
            raise Malformed("This cursor was not made here, or what it names is gone; begin anew.")
    shown = rows[begins : begins + limit]
    more = len(rows) > begins + limit
    following = _following(request, key(shown[-1])) if more else None
    return Response({"results": [render(row) for row in shown], "next": following})


def _shown(rows: QuerySet, limit: int, render: Render) -> Iterator[tuple[object, dict]]:
    """The key of each row and what it looks like, a block at a time."""
    while limit > 0 and (block := list(rows[: min(BLOCK, limit)])):
        yield from zip([row.pk for row in block], render(block), strict=True)
        rows, limit = rows.filter(pk__lt=block[-1].pk), limit - len(block)


def _following(request: Request, last: object) -> str:
    query = request.query_params.copy()
    query["cursor"] = str(last)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise Malformed(f"limit is a whole number from 1 to {MAX_PAGE_SIZE}.")
    return int(text)


def _key(rows: QuerySet, cursor: str) -> object:
    try:
        key = rows.model._meta.pk.to_python(cursor)
    except Exception:  # whatever the field makes of it
        key = None
    if key is None or str(key) != cursor:  # another way to write a key is no cursor of ours
        raise Malformed("This cursor was not made here; take `next` of the page before.")
    return key
