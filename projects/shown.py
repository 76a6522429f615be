"""What the audit looks like in an answer."""

from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Id, Json, Time, word_of

from .audit import Verb


class AuditObject(Answer):
    kind: Annotated[str, Field(description="workflow, version, key, budget, …")]
    id: Annotated[str, Field(description="Opaque; the same for all events of one object.")]
    name: str


class AuditEvent(Answer):
    id: Id
    at: Time
    actor: Annotated[str, Field(description="key:PREFIX, user:NAME, command:NAME, or service.")]
    actor_name: Annotated[str | None, Field(description="What the key was called; null for any other actor.")]
    operator: Annotated[bool, Field(description="Whether it was a superuser, who operates the installation.")]
    verb: word_of(Verb)
    object: AuditObject
    detail: dict[str, Json]
