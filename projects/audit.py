"""The audit trail: who did what to a project, or to the installation, in one append-only table. Whoever changes something writes
it down here, in the same transaction: `record`. What happens to an execution stands in its own history, and not here.
"""

from django.contrib.auth import get_user_model
from django.db import models

from wire.redaction import USUAL

from .keeping import redaction
from .models import ApiKey, AuditEvent

MOST = 200  # characters of a name
SERVICE = "service"  # the actor, where no person and no program asked for it


class Verb(models.TextChoices):
    """What was done. A word that stands here stays: events that say it are there."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    STATED = "stated"
    PUBLISHED = "published"
    ROLLED_BACK = "rolled_back"
    OVERRODE = "overrode"
    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    EXPORTED = "exported"
    PURGED = "purged"
    REVOKED = "revoked"
    ROTATED = "rotated"
    TESTED = "tested"
    REDELIVERED = "redelivered"
    DISABLED = "disabled"
    SIGNED_IN = "signed_in"


# The word of product.md for a kind of row, where Python has another one.
KINDS = {
    "apikey": "key",
    "ownprice": "price",
    "tiermodel": "tier",
    "membership": "member",
    "user": "account",
    "toolvariable": "variable",
    "tiersearch": "tier_search",
    "usageimport": "usage_import",
}


def kind_of(model: type[models.Model] | models.Model) -> str:
    return KINDS.get(model._meta.model_name, model._meta.model_name)


def record(
    project_id: int | None,
    actor: str,
    verb: Verb,
    row: models.Model,
    name: str = "",
    **detail: object,
) -> AuditEvent:
    """Belongs into the transaction of what it records. `project_id` None: of the installation, for superusers alone.

    `actor`: `key:PREFIX`, `user:NAME`, `command:NAME` or `service`. `name`: what people call the row; by default its text.
    `detail`: values of JSON, small, and never a text of an execution; what looks like a secret is taken out all the same.
    """
    policy = USUAL if project_id is None else redaction(project_id)
    called, operator = _known(actor)
    return AuditEvent.objects.create(
        project_id=project_id,
        actor=actor,
        actor_name=called,
        operator=operator,
        verb=Verb(verb),
        kind=kind_of(row),
        object_id=str(row.pk),
        name=policy.text(name or str(row))[:MOST],
        detail=policy.value(detail),
    )


def _known(actor: str) -> tuple[str, bool]:
    """What a key is called, and whether an account operates the installation: as it is at this moment."""
    sort, _, who = actor.partition(":")
    if sort == "key":
        return ApiKey.objects.filter(prefix=who).values_list("name", flat=True).first() or "", False
    if sort == "user":
        return "", get_user_model().objects.filter(username=who, is_superuser=True).exists()
    return "", False
