"""What a project lets be kept of its texts: what is taken out of them, and whether the texts of calls are kept at all.
Whoever writes a text that came from outside asks here first. (How long texts are kept, `executions.retention` knows.)"""

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models.signals import post_save
from django.dispatch import receiver

from wire.redaction import NAMES, USUAL, USUAL_NAMES, Policy, path_of, policy_of

from .models import Project
from .remembered import PerProject

MAX_FIELDS = 100
# The keys that a model's answer itself has: without them it could not be read.
RESERVED = ("status", "output", "confidence", "rationale", "uncovered", "edge_case")


@dataclass(frozen=True)
class Keeping:
    """`call_texts`: whether prompts and answers of calls are kept beyond the execution they belong to."""

    policy: Policy = USUAL
    call_texts: bool = True

    @classmethod
    def of(cls, project: Project) -> "Keeping":
        chosen = project.redacted_patterns or {}
        names = frozenset(name for name in NAMES if chosen.get(name, name in USUAL_NAMES))
        policy = policy_of(names, tuple(project.redacted_fields or ()))
        return cls(policy, project.store_payload == Project.StorePayload.FULL)


def keeping(project_id: int) -> Keeping:
    """Of this project, as it was at most a few seconds ago."""
    return _known.of(project_id)


def _load(project_id: int) -> Keeping:
    project = Project.objects.filter(pk=project_id).first()
    return Keeping.of(project) if project else Keeping()


_known = PerProject(_load)


def redaction(project_id: int) -> Policy:
    return keeping(project_id).policy


def check_fields(fields: Collection[str]) -> None:
    """Raises `ValidationError` with a sentence for a person."""
    if len(fields) > MAX_FIELDS:
        raise ValidationError(f"At most {MAX_FIELDS} fields can be named.")
    for field in fields:
        try:
            path = path_of(field)
        except ValueError as error:
            raise ValidationError(f"{field[:60]!r}: {error}.") from error
        if len(path) == 1 and path[0] in RESERVED:
            said = f"{field!r} is a key of every model's answer, which could not be read without it"
            raise ValidationError(f"{said}: name the field by its pointer, such as /customer/{path[0]}.")


@receiver(post_save, sender=Project)
def _forget(instance: Project, **kwargs: object) -> None:
    _known.forget(instance.pk)
