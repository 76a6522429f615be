"""The Python client of Workflow Memory: store a workflow once, execute it from then on, and read what that saved."""

from .client import AsyncClient, Client
from .errors import (
    ApiError,
    Conflict,
    Denied,
    Invalid,
    NotFound,
    TooMany,
    Unavailable,
    Unreachable,
    WorkflowMemoryError,
)
from .results import Costs, Execution, Flag, Page, Version, Workflow

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Conflict",
    "Costs",
    "Denied",
    "Execution",
    "Flag",
    "Invalid",
    "NotFound",
    "Page",
    "TooMany",
    "Unavailable",
    "Unreachable",
    "Version",
    "Workflow",
    "WorkflowMemoryError",
]
