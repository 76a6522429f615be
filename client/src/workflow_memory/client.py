"""The clients, one that blocks and one that is awaited: the same calls, sent until they are answered."""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import httpx2

from . import calls
from .calls import Call
from .errors import ApiError, Unreachable
from .results import Execution

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 5
LONGEST_PAUSE = 30.0  # seconds
TIMEOUT = 75.0  # seconds: longer than the longest wait that can be preferred
AGAIN = (429, 502, 503, 504)


class _Session:
    """What both clients do in the same way."""

    def __init__(self, api_key: str | None = None, base_url: str | None = None) -> None:
        key = api_key or os.environ.get("WORKFLOW_MEMORY_API_KEY", "")
        if not key:
            raise ValueError("An API key is needed: give api_key, or set WORKFLOW_MEMORY_API_KEY.")
        address = (base_url or os.environ.get("WORKFLOW_MEMORY_URL") or "http://127.0.0.1:8000").rstrip("/")
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "workflow-memory-client/0.1.0"}
        self._options: dict[str, Any] = {"base_url": f"{address}/api/v1/", "headers": headers, "timeout": TIMEOUT}


def _arguments(call: Call[Any]) -> dict[str, Any]:
    """Of a request. Its key is made once, for all attempts."""
    headers = dict(call.headers)
    if call.method == "POST":
        headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
    body = {} if call.body is None else {"json": call.body}
    return {"method": call.method, "url": call.path, "params": dict(call.query), "headers": headers, **body}


class _Attempts(Generic[T]):
    """Of one call: what came of the last one, and whether there is another."""

    def __init__(self, call: Call[T]) -> None:
        self._call, self._number = call, 0
        self.done, self.pause = False, 0.0
        self.result: T

    def came(self, response: httpx2.Response) -> None:
        """Raises `ApiError` for an answer that another attempt does not better."""
        if response.status_code in AGAIN and self._may_go_on():
            self.pause = max(self.pause, _asked_for(response))
        else:
            self.result, self.done = _read(self._call, response), True

    def failed(self, error: httpx2.RequestError) -> None:
        """Raises `Unreachable` behind the last attempt."""
        if not self._may_go_on():
            raise Unreachable(f"{error.request.url} does not answer: {error or type(error).__name__}") from error

    def _may_go_on(self) -> bool:
        """Pauses are longer each time, and never the same for two callers."""
        self._number += 1
        self.pause = min(LONGEST_PAUSE, 0.25 * 2**self._number) * random.uniform(0.5, 1.0)
        return self._number < ATTEMPTS


def _asked_for(response: httpx2.Response) -> float:
    """Seconds that the service asks to wait."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE) if text.isdigit() else 0.0


def _read(call: Call[T], response: httpx2.Response) -> T:
    """Raises `ApiError`."""
    if response.is_success:
        return call.read(response.json())
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:200] or response.reason_phrase}
    raise ApiError.of(response.status_code, problem if isinstance(problem, dict) else {"detail": str(problem)[:200]})


def _blocking(make: Callable[P, Call[T]]) -> Callable[Concatenate[Any, P], T]:
    def method(self: Any, *args: P.args, **named: P.kwargs) -> T:
        return self._client.send(make(*args, **named))

    method.__doc__ = make.__doc__
    return method


def _awaited(make: Callable[P, Call[T]]) -> Callable[Concatenate[Any, P], Awaitable[T]]:
    async def method(self: Any, *args: P.args, **named: P.kwargs) -> T:
        return await self._client.send(make(*args, **named))

    method.__doc__ = make.__doc__
    return method


class _Part:
    def __init__(self, client: Any) -> None:
        self._client = client


class Workflows(_Part):
    create = _blocking(calls.create_workflow)
    get = _blocking(calls.get_workflow)
    list = _blocking(calls.list_workflows)
    add_version = _blocking(calls.add_version)
    publish = _blocking(calls.publish)
    execute = _blocking(calls.execute)
    execute_many = _blocking(calls.execute_many)
    report = _blocking(calls.report)


class Executions(_Part):
    get = _blocking(calls.get_execution)
    list = _blocking(calls.list_executions)
    cancel = _blocking(calls.cancel)
    retry = _blocking(calls.retry)
    feedback = _blocking(calls.feedback)

    def wait(self, id: str, timeout: float = 300.0) -> Execution:
        """The execution once it has ended or waits for a person, or as it stands after so many seconds."""
        until = time.monotonic() + timeout
        for pause in _looks():
            found = self.get(id)
            if found.has_ended or found.waits_for_a_person or time.monotonic() > until:
                return found
            time.sleep(pause)
        raise AssertionError("never")


class Flags(_Part):
    get = _blocking(calls.get_flag)
    list = _blocking(calls.list_flags)
    resolve = _blocking(calls.resolve)


class CostReports(_Part):
    summary = _blocking(calls.summary)


class AsyncWorkflows(_Part):
    create = _awaited(calls.create_workflow)
    get = _awaited(calls.get_workflow)
    list = _awaited(calls.list_workflows)
    add_version = _awaited(calls.add_version)
    publish = _awaited(calls.publish)
    execute = _awaited(calls.execute)
    execute_many = _awaited(calls.execute_many)
    report = _awaited(calls.report)


class AsyncExecutions(_Part):
    get = _awaited(calls.get_execution)
    list = _awaited(calls.list_executions)
    cancel = _awaited(calls.cancel)
    retry = _awaited(calls.retry)
    feedback = _awaited(calls.feedback)

    async def wait(self, id: str, timeout: float = 300.0) -> Execution:
        """As `Executions.wait`."""
        until = time.monotonic() + timeout
        for pause in _looks():
            found = await self.get(id)
            if found.has_ended or found.waits_for_a_person or time.monotonic() > until:
                return found
            await asyncio.sleep(pause)
        raise AssertionError("never")


class AsyncFlags(_Part):
    get = _awaited(calls.get_flag)
    list = _awaited(calls.list_flags)
    resolve = _awaited(calls.resolve)


class AsyncCostReports(_Part):
    summary = _awaited(calls.summary)


def _looks() -> Iterator[float]:
    pause = 0.1
    while True:
        yield pause
        pause = min(5.0, pause * 1.5)


class Client(_Session):
    """Blocks; threads may share it. `api_key` and `base_url` default to WORKFLOW_MEMORY_API_KEY and WORKFLOW_MEMORY_URL."""

    def __init__(self, api_key: str | None = None, base_url: str | None = None, **transport: Any) -> None:
        super().__init__(api_key, base_url)
        self._http = httpx2.Client(**self._options, **transport)
        self.workflows, self.executions = Workflows(self), Executions(self)
        self.flags, self.costs = Flags(self), CostReports(self)

    def send(self, call: Call[T]) -> T:
        """Sends it until it is answered, at most five times. Raises `ApiError` or `Unreachable`."""
        arguments, attempts = _arguments(call), _Attempts(call)
        while not attempts.done:
            try:
                attempts.came(self._http.request(**arguments))
            except httpx2.RequestError as error:
                attempts.failed(error)
            if not attempts.done:
                time.sleep(attempts.pause)
        return attempts.result

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Session):
    """Is awaited; the rest is as with `Client`."""

    def __init__(self, api_key: str | None = None, base_url: str | None = None, **transport: Any) -> None:
        super().__init__(api_key, base_url)
        self._http = httpx2.AsyncClient(**self._options, **transport)
        self.workflows, self.executions = AsyncWorkflows(self), AsyncExecutions(self)
        self.flags, self.costs = AsyncFlags(self), AsyncCostReports(self)

    async def send(self, call: Call[T]) -> T:
        """As `Client.send`."""
        arguments, attempts = _arguments(call), _Attempts(call)
        while not attempts.done:
            try:
                attempts.came(await self._http.request(**arguments))
            except httpx2.RequestError as error:
                attempts.failed(error)
            if not attempts.done:
                await asyncio.sleep(attempts.pause)
        return attempts.result

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
