"""Rows of tools as their forms would save them, checked; and what a call of one answers."""

from projects.models import Project, Tool
from projects.tools import of_row
from toolbox import database, request, search
from toolbox.arguments import named
from toolbox.kinds import faults_of

TEXT = {"type": "string"}
SQL = {"source": "SQL_SHOP_URL", "one": False, "max_rows": database.USUAL_ROWS, "max_bytes": database.USUAL_BYTES}
HTTP = {
    **{"method": "GET", "headers": {}, "response": "json", "key_header": "Idempotency-Key"},
    **{"max_bytes": request.USUAL_BYTES},
}
FIND = {"mode": search.FIND, "phrases": [], "patterns": [], "texts": [], "fold_case": True, "whole_words": True}


def made(project: Project, kind: str, settings: dict, takes: dict | None = None, **fields: object) -> Tool:
    """Not saved: tests of what one answers need no row."""
    return Tool(project=project, name=f"shop.{kind}", kind=kind, input_schema=takes, settings=settings, **fields)


def sql(project: Project, query: str, takes: dict | None = None, **fields: object) -> Tool:
    own = {name: fields.pop(name) for name in list(fields) if name in SQL}
    return made(project, "sql", {**SQL, "query": query, **own}, takes or named(), **fields)


def http(project: Project, url: str, takes: dict | None = None, **fields: object) -> Tool:
    own = {name: fields.pop(name) for name in list(fields) if name in HTTP or name == "hosts"}
    said = {**HTTP, "url": url, "hosts": request.own_host(url), **own}
    return made(project, "http", said, takes or named(), **fields)


def text(project: Project, **fields: object) -> Tool:
    own = {name: fields.pop(name) for name in list(fields)}
    return made(project, "text", {**FIND, "max_found": 5, **own})


def call(tool: Tool, **arguments: object) -> object:
    """Its answer; raises a `ToolError`."""
    return of_row(tool).call(arguments, "a key")


def faults(tool: Tool) -> dict[str, str]:
    return faults_of(tool)
