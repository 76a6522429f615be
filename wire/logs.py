"""The log: lines for a person or JSON for a machine, on standard error. It speaks in ids: what went through an execution,
what was asked of a model and what opens a door never stands in it."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice

from django.http import HttpRequest
from structlog import contextvars, stdlib
from structlog.processors import JSONRenderer, TimeStamper
from structlog.typing import EventDict, Processor

from .redaction import USUAL

FORMS = ("line", "json")
FIELDS = ("method", "route", "status", "ms")  # what a line may say beside its message and the ids of `about`
# What a library says at DEBUG quotes requests, rows and answers: only our own house may.
MAY_DEBUG = (
    "wire",
    "projects",
    "gateway",
    "workflows",
    "toolbox",
    "executions",
    "analytics",
    "notifications",
    "service",
    "demo",
)


def about(**ids: object) -> AbstractContextManager[None]:
    """Every line that is written inside says what it is about: `about(execution=…, provider="anthropic")`."""
    return contextvars.bound_contextvars(**{name: str(value) for name, value in ids.items()})


def route_of(request: HttpRequest) -> str:
    """The address as the code names it: without the ids and names that are in a path."""
    return request.resolver_match.route if request.resolver_match else "unknown"


def formatter(form: str, messages: bool) -> stdlib.ProcessorFormatter:
    """Named in the settings. `messages`: whether an exception's own words are shown; they can quote what was executed."""
    error = _ErrorWithMessages() if messages else _Error()
    last: Processor = JSONRenderer(ensure_ascii=False) if form == "json" else _line
    return stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            contextvars.merge_contextvars,
            stdlib.ExtraAdder(FIELDS),
            stdlib.add_log_level,
            stdlib.add_logger_name,
            TimeStamper(fmt="iso", utc=True),
        ],
        processors=[_by_route, error, stdlib.ProcessorFormatter.remove_processors_meta, last, _without_secrets],
    )


class Discreet(logging.Filter):
    """Lets DEBUG pass from where it is known to say nothing but ids."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or record.name.partition(".")[0] in MAY_DEBUG


class _Error:
    """An exception as the frames that it came through and its type, and those of what caused it."""

    def __call__(self, logger: object, method: str, event: EventDict) -> EventDict:
        if exc_info := event.pop("exc_info", None):
            event["exception"] = "\ncaused by\n".join(self._said(error) for error in islice(_causes(exc_info[1]), 5))
        return event

    def _said(self, error: BaseException) -> str:
        frames = "".join(traceback.format_tb(error.__traceback__))
        return f"{frames}{type(error).__module__}.{type(error).__qualname__}"


class _ErrorWithMessages(_Error):
    def _said(self, error: BaseException) -> str:
        return f"{super()._said(error)}: {error}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _by_route(logger: object, method: str, event: EventDict) -> EventDict:
    """Django names a request that failed by its path."""
    request = getattr(event["_record"], "request", None)
    if isinstance(request, HttpRequest):
        event["event"] = event["event"].replace(request.path, route_of(request))
    return event


def _without_secrets(logger: object, method: str, line: str) -> str:
    """The last word: should a secret have come so far after all, in a library's warning, say, it goes no further."""
    return USUAL.text(line)


def _line(logger: object, method: str, event: EventDict) -> str:
    first = [event.pop("timestamp"), event.pop("level").upper(), event.pop("logger"), event.pop("event")]
    exception = event.pop("exception", "")
    line = " ".join([*first, *(f"{name}={value}" for name, value in event.items())])
    return f"{line}\n{exception}" if exception else line
