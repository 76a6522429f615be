"""What every address of the API has in common. Used by every app's `api.py`."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import PermissionDenied, Throttled, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .answers import Answer
from .bodies import Body
from .filters import Filter
from .problems import Malformed, NotFound, Problem
from .wsgi import UTF_8


class View(APIView):
    """What every address has in common: it says what it takes and answers, and the published schema says the same.

    `scopes`: `{"GET": "read", "POST": "design"}`, a method without an entry is 405; `OPTIONS` needs none. Several, as in
    `("execute", "review")`: a key needs one of them.
    `bodies`: the class that a method's body is read with, into `self.body`. It comes as JSON; a view that takes YAML too names both
    `parser_classes`.
    `filters`: query parameters by name, read into `self.given`; one that is not among them is an error, not ignored.
    `paged` adds those of a list. `heeds`: names of request headers that a method heeds.
    `answers`: `{"POST": {201: Flag, 409: Problem}}`, the body of each status; None is an answer without one. Problems that
    come with what is declared (a body, an id in the path) need not be named.
    """

    scopes: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    bodies: ClassVar[Mapping[str, type[Body]]] = {}
    filters: ClassVar[Mapping[str, Filter]] = {}
    paged: ClassVar[bool] = False
    heeds: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    answers: ClassVar[Mapping[str, Mapping[int, type[Answer] | type[Problem] | None]]] = {}

    body: Any
    given: dict[str, Any]

    @classmethod
    def enough(cls, method: str) -> tuple[str, ...]:
        """The scopes of which a key needs one."""
        needed = cls.scopes[method]
        return (str(needed),) if isinstance(needed, str) else tuple(map(str, needed))

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        if settings.TLS and not request.is_secure():
            raise PermissionDenied("Come by https: a key that is sent without it can be read on the way.")
        super().initial(request, *args, **kwargs)
        if any("\x00" in str(value) for value in kwargs.values()):
            raise NotFound("Nothing has a name with a NUL character.")
        self._refuse_coding(request)
        self.given = self._parameters(request)
        if body := self.bodies.get(request.method):
            if request.stream is None and not body.may_be_empty():
                raise Malformed("The body is empty; send a JSON object.")
            self.body = body.read(request.data)

    def check_permissions(self, request: Request) -> None:
        """What is refused costs too, so it is counted before it is judged."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Done, before the permissions."""

    def throttled(self, request: Request, wait: float) -> None:
        raise Throttled(wait, "Too many requests in this minute.")

    def options(self, request: Request, *args: object, **kwargs: object) -> Response:
        """What may be asked here: the header `Allow`, which every answer has."""
        return Response(status=204)

    def _refuse_coding(self, request: Request) -> None:
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType("", "A body comes as it is, not compressed.")
        media_type, parameters = parse_header_parameters(request.content_type or "")
        if "*" in media_type:  # which matches any parser's
            raise UnsupportedMediaType(media_type)
        if parameters.get("charset", "utf-8").lower() not in UTF_8:
            raise UnsupportedMediaType(media_type, "A body comes in UTF-8.")

    def _parameters(self, request: Request) -> dict[str, Any]:
        try:
            unquote_to_bytes(request.META.get("QUERY_STRING", "").encode("latin-1")).decode("utf-8")
        except UnicodeError as error:  # Django would read a replacement character there, which nobody has said
            raise Malformed("The query is not UTF-8.") from error
        allowed = {*self.filters, *(("cursor", "limit") if self.paged else ())}
        for name, values in request.query_params.lists():
            if name not in allowed:
                known = ", ".join(sorted(allowed)) or "none"
                raise Malformed(f"Unknown filter {name[:60]!r}; known here: {known}.")
            if len(values) > 1:
                raise Malformed(f"The filter {name!r} is given twice.")
            if "\x00" in values[0]:
                raise Malformed(f"The filter {name!r} has a NUL character.")
        given = request.query_params
        return {name: one.read(name, given[name]) for name, one in self.filters.items() if name in given}
