"""A model that answers from a script: for demonstrations, for tests, and for working on a workflow without a key.

It is a product of its own, described in `docs/scripted-provider.md`; what it answers goes the same way, into the same
ledger, as what a real model answers, and is marked as simulated.
"""

import asyncio
import json
import re
import threading
import tomllib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from ..types import (
    MAX_RETRY_AFTER,
    AccessDenied,
    Block,
    Completion,
    NotTheProtocol,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Stop,
    Throttled,
    Usage,
)
from .sdk import storable

BYTES_PER_TOKEN = 4
MAX_LATENCY = 600_000  # ms: longer than any model takes
ERRORS: dict[str, type[ProviderError]] = {
    "throttled": Throttled,
    "denied": AccessDenied,
    "rejected": Rejected,
    "unknown": OutcomeUnknown,
    "protocol": NotTheProtocol,
}
UNCOVERED = {
    "status": "uncovered",
    "output": None,
    "confidence": 0.0,
    "rationale": "This model is a script, and the script does not know this request.",
    "uncovered": "The script has no answer for this request: add an [[answer]] that matches it to the script "
    "(docs/scripted-provider.md), or set ANTHROPIC_API_KEY and map the tier to a real model.",
    "edge_case": None,
}
_PLACEHOLDER = re.compile(r"\$(?:file:(?P<file>[\w-]+(?:\.[\w-]+)*)|(?P<name>\$|\d+|[A-Za-z_]\w*))")

Tokens = Field(default=None, ge=0, le=10_000_000)


class ScriptError(Exception):
    """A script that cannot be used: which file, which answer, and what is wrong with it."""


class Answer(BaseModel):
    """One `[[answer]]` as it is written. Patterns that are given must all match; exactly one thing is answered."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    system: str | None = None
    user: str | None = None
    model: str | None = None
    content: dict[str, Any] | None = Field(default=None, alias="json")
    text: str | None = None
    error: Literal["throttled", "denied", "rejected", "unknown", "protocol"] | None = None
    retry_after: float | None = Field(default=None, ge=0, le=MAX_RETRY_AFTER)
    stop: Literal["refusal", "max_tokens"] | None = None
    model_served: str | None = None
    latency_ms: float | None = Field(default=None, ge=0, le=MAX_LATENCY)
    times: PositiveInt | None = None
    input_tokens: int | None = Tokens
    output_tokens: int | None = Tokens
    cache_read: int | None = Tokens
    cache_write: int | None = Tokens

    @model_validator(mode="after")
    def _answers_one_thing(self) -> Self:
        given = [name for name in ("json", "text", "error") if name in self.written]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} stand side by side: give one of them")
        if not given and self.stop != "refusal":
            raise ValueError("one of json, text or error is missing")
        if self.retry_after is not None and self.error is None:
            raise ValueError("retry_after needs an error")
        return self

    @model_validator(mode="after")
    def _is_json(self) -> Self:
        try:
            json.dumps(self.content, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"json holds what JSON does not: {error}") from error
        return self

    @property
    def written(self) -> set[str]:
        return {type(self).model_fields[name].alias or name for name in self.model_fields_set}


class Script(BaseModel):
    """A whole script file. What stands on top holds for all its answers."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    latency_ms: float = Field(default=0.0, ge=0, le=MAX_LATENCY)
    cache: bool = False
    answer: list[dict[str, Any]] = []


class ScriptedProvider:
    """Answers with the first answer of its scripts that matches. Safe to share between threads.

    `sleep` is how it spends the latency that a script asks for. Raises `ScriptError` when a script cannot be used.
    """

    protocol = "scripted"
    simulated = True

    def __init__(self, scripts: Sequence[Path], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._rules = [rule for path in scripts for rule in _read(path)]
        self._otherwise = _Rule(Answer(json=UNCOVERED), "no answer matched", Script())
        self._sleep = sleep
        self._lock = threading.Lock()
        self._cached: set[tuple[str, str]] = set()

    @classmethod
    def from_answers(
        cls,
        answers: Iterable[Mapping[str, Any]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **top: Any,
    ) -> "ScriptedProvider":
        """From answers as a TOML parser gives them; `top` is what stands on top of a script (`latency_ms`, `cache`)."""
        provider = cls([], sleep)
        provider._rules = _rules_of({**top, "answer": [dict(answer) for answer in answers]}, "script")
        return provider

    async def complete(self, request: Request) -> Completion:
        rule, groups = self._find(request)
        if rule.latency:
            await self._sleep(rule.latency)
        answer = rule.answer
        if answer.error:
            raise ERRORS[answer.error](f"The script says so ({rule.origin}).", answer.retry_after)
        text, stop = storable(rule.said(groups)), Stop(answer.stop or "end")
        output = _tokens(text) if answer.output_tokens is None else answer.output_tokens
        if output > request.max_output_tokens:
            text, stop, output = _cut(text, request.max_output_tokens), Stop.MAX_TOKENS, request.max_output_tokens
        return Completion(
            text=text,
            model_served=answer.model_served or request.model,
            usage=self._prompt_usage(rule, request) + Usage(output=output),
            stop=stop,
        )

    def _find(self, request: Request) -> "tuple[_Rule, re.Match[str] | None]":
        looked_at = {"system": request.prefix, "user": request.user, "model": request.model}
        for rule in self._rules:
            if rule.matches(looked_at):
                groups = rule.groups(request)
                with self._lock:
                    if rule.take():
                        return rule, groups
        return self._otherwise, None

    def _prompt_usage(self, rule: "_Rule", request: Request) -> Usage:
        """As the answer says, or estimated: one number that is given switches the estimate off."""
        answer = rule.answer
        if {"input_tokens", "cache_read", "cache_write"} & answer.written:
            return Usage(
                input=answer.input_tokens or 0,
                cache_read=answer.cache_read or 0,
                cache_write_5m=answer.cache_write or 0,
            )
        cacheable = _cacheable(request.system) if rule.cache else ""
        rest = _of_bytes(request.prompt_bytes - len(cacheable.encode()))
        if not cacheable:
            return Usage(input=rest)
        key = (request.model, cacheable)
        with self._lock:
            warm = key in self._cached
            self._cached.add(key)
        kind = "cache_read" if warm else "cache_write_5m"
        return Usage(input=rest) + Usage(**{kind: _tokens(cacheable)})


class _Rule:
    """One answer, compiled. Patterns are matched in linear time; only one that lends its groups runs a second time."""

    def __init__(self, answer: Answer, origin: str, script: Script, files: Mapping[str, str] | None = None) -> None:
        self.answer = answer
        self._files = files or {}
        self.origin = origin
        self.cache = script.cache
        self.latency = (script.latency_ms if answer.latency_ms is None else answer.latency_ms) / 1000
        self._left = answer.times
        written = {"system": answer.system, "user": answer.user, "model": answer.model}
        self._patterns = [(where, _linear(where, pattern)) for where, pattern in written.items() if pattern is not None]
        lends = "$" in (answer.text or json.dumps(answer.content))
        self._user = _grouping(answer.user) if lends and answer.user is not None else None

    def matches(self, looked_at: Mapping[str, str]) -> bool:
        return all(pattern.isinstance_python(looked_at[where]) for where, pattern in self._patterns)

    def groups(self, request: Request) -> re.Match[str] | None:
        return self._user.search(request.user) if self._user else None

    def take(self) -> bool:
        """Whether this answer may be given (once more)."""
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    def said(self, groups: re.Match[str] | None) -> str:
        if self.answer.content is not None:
            return json.dumps(_filled(self.answer.content, groups, self._files), ensure_ascii=False)
        return _fill(self.answer.text or "", groups, self._files)


def _read(path: Path) -> list[_Rule]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{path}: not TOML: {error}") from error
    return _rules_of(data, str(path), path.parent)


def _rules_of(data: Mapping[str, Any], source: str, folder: Path | None = None) -> list[_Rule]:
    try:
        script = Script.model_validate(data)
    except ValidationError as error:
        raise ScriptError(f"{source}: {_complaint(error)}") from error
    rules = []
    for number, written in enumerate(script.answer, 1):
        origin = f"{source}: answer {number}"
        try:
            answer = Answer.model_validate(written)
            rules.append(_Rule(answer, origin, script, _files_of(answer, origin, folder)))
        except ValidationError as error:
            raise ScriptError(f"{origin}: {_complaint(error)}") from error
        except (SchemaError, re.error) as error:
            raise ScriptError(f"{origin}: {error}") from error
    return rules


def _files_of(answer: Answer, origin: str, folder: Path | None) -> dict[str, str]:
    """The files that the answer takes in, read once. Their names have no folder: they stand beside the script."""
    named = {found["file"] for text in _texts((answer.content, answer.text)) for found in _PLACEHOLDER.finditer(text)}
    files = {}
    for name in sorted(named - {None}):
        if folder is None:
            raise ScriptError(f"{origin}: $file:{name} stands beside no file: this script is none")
        try:
            files[name] = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScriptError(f"{origin}: $file:{name} cannot be read: {error}") from error
    return files


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _complaint(error: ValidationError) -> str:
    """`times: Input should be greater than 0; colour: Extra inputs are not permitted`."""
    told = []
    for each in error.errors():
        where = ".".join(str(part) for part in each["loc"])
        what = each["msg"].removeprefix("Value error, ")
        told.append(f"{where}: {what}" if where else what)
    return "; ".join(told)


def _linear(where: str, pattern: str) -> SchemaValidator:
    """Rust's regular expressions, which cannot run away: no look-around, no references back."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        reason = str(error).rpartition("error: ")[2]
        raise SchemaError(f"{where}: {pattern!r} is not a pattern: {reason}") from error


def _grouping(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise re.error(f"user: the groups of {pattern!r} cannot be used: {error}") from error


def _filled(value: object, groups: re.Match[str] | None, files: Mapping[str, str]) -> object:
    """The JSON value with its texts filled in. The text `$null` is null, which TOML cannot write."""
    if isinstance(value, dict):
        return {key: _filled(each, groups, files) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, groups, files) for each in value]
    if isinstance(value, str):
        return None if value == "$null" else _fill(value, groups, files)
    return value


def _fill(text: str, groups: re.Match[str] | None, files: Mapping[str, str]) -> str:
    """`$1` and `$name` become what the groups of `user` matched, `$file:NAME` what stands in that file, `$$` a dollar; any other
    dollar stays, and those of a file too."""

    def put(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return files[found["file"]]
        if name == "$":
            return "$"
        if groups is None:
            return found[0]
        if name.isdecimal():
            return (groups[int(name)] or "") if 0 < int(name) <= groups.re.groups else found[0]
        return (groups[name] or "") if name in groups.re.groupindex else found[0]

    return _PLACEHOLDER.sub(put, text)


def _cacheable(system: Sequence[Block]) -> str:
    """The prompt up to its last cache marker."""
    marked = [index for index, block in enumerate(system, 1) if block.cached]
    return "\n".join(block.text for block in system[: marked[-1]]) if marked else ""


def _tokens(text: str) -> int:
    return _of_bytes(len(text.encode()))


def _of_bytes(count: int) -> int:
    return -(-count // BYTES_PER_TOKEN)


def _cut(text: str, tokens: int) -> str:
    return text.encode()[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")
