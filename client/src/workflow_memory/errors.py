"""What can go wrong.

WorkflowMemoryError
├── Unreachable        nobody answered, or the connection broke, and trying again did not help
└── ApiError           the service answered with a problem: `status`, `detail`, `errors`, `problem`
    ├── Denied         401, 403: no key, a wrong one, or one that lacks the scope
    ├── NotFound       404
    ├── Conflict       409: the state it found stands in `problem`
    ├── Invalid        400, 413, 415, 422: `errors` says where in the body
    ├── TooMany        429
    └── Unavailable    500 and above
"""

from __future__ import annotations

from typing import Any


class WorkflowMemoryError(Exception):
    """Of this client."""


class Unreachable(WorkflowMemoryError):
    """Nobody answered. Whether the last request took effect is not known; sent again with its key it takes effect once."""


class ApiError(WorkflowMemoryError):
    """`errors`: `[{"pointer": "/input/message", "detail": "…"}]`. `problem`: the whole body, with what else it says."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.errors: list[dict[str, str]] = problem.get("errors") or []
        where = "; ".join(f"{one.get('pointer') or '/'}: {one.get('detail')}" for one in self.errors[:3])
        super().__init__(f"{status}: {where or self.detail}")

    @staticmethod
    def of(status: int, problem: dict[str, Any]) -> ApiError:
        kind = _KINDS.get(status) or (Unavailable if status >= 500 else Invalid)
        return kind(status, problem)


class Denied(ApiError):
    pass


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    pass


class Invalid(ApiError):
    pass


class TooMany(ApiError):
    pass


class Unavailable(ApiError):
    pass


_KINDS: dict[int, type[ApiError]] = {401: Denied, 403: Denied, 404: NotFound, 409: Conflict, 429: TooMany}
