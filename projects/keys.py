"""Projects and keys that somebody makes, keys that somebody takes away, and that it was done."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from . import audit
from .audit import Verb
from .models import ApiKey, Project


@transaction.atomic
def establish(name: str, by: str) -> Project:
    """The project of this name; a new one has the default tier map."""
    project, made = Project.objects.found_or_made(name)
    if made:
        audit.record(project.pk, by, Verb.CREATED, project, tier_map=project.tier_map())
    return project


@transaction.atomic
def issue(
    project: Project, scopes: Sequence[str], by: str, *, name: str = "", expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown once."""
    key, token = ApiKey.objects.issue(project, list(scopes), name=name, expires_at=expires_at)
    until = expires_at and expires_at.isoformat()
    audit.record(project.pk, by, Verb.CREATED, key, called(key), scopes=key.scopes, expires_at=until)
    return key, token


@transaction.atomic
def revoke(key: ApiKey, by: str) -> bool:
    """At once and for good. False where it was revoked before."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        return False
    audit.record(key.project_id, by, Verb.REVOKED, key, called(key))
    return True


def called(key: ApiKey) -> str:
    return f"{key.prefix} {key.name}".strip()
