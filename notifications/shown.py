"""What endpoints and deliveries look like in an answer. `representation.py` makes them."""

from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Count, Id, Json, Time, perhaps, word_of

from . import models

SecretText = Annotated[str, Field(pattern="^whsec_", description="Shown here and never again.")]
DeliveryType = word_of((*models.Type.values, models.TEST))


class SecretStanding(Answer):
    """That one signs; not which it is."""

    created_at: Time
    expires_at: Annotated[Time | None, Field(description="Null for the newest; the older ones sign until then.")]


class Endpoint(Answer):
    id: Id
    kind: word_of(models.Kind)
    address: str
    events: list[word_of(models.Type)]
    workflow: Annotated[str | None, Field(description="Null: of all workflows.")]
    hours: Annotated[int, Field(ge=1, description="After which a group of flags waits for too long.")]
    enabled: bool
    disabled_because: str | None
    failing_since: Annotated[
        Time | None, Field(description="Since when it takes nothing; null where it took the last.")
    ]
    secrets: list[SecretStanding]
    created_by: str
    created_at: Time
    secret: SecretText | None = perhaps(description="Of a webhook, in the answer to the POST that made it.")


class Secret(Answer):
    secret: SecretText
    previous_until: Annotated[Time | None, Field(description="So long the one before signs too; null: no longer.")]


class Delivery(Answer):
    id: Annotated[Id, Field(description="The `webhook-id`.")]
    endpoint: Id
    type: DeliveryType
    state: word_of(models.Delivery.State)
    attempts: Count
    response_code: int | None
    answer: Annotated[str | None, Field(description="The beginning of what the receiver answered last.")]
    error: str | None
    next_try_at: Annotated[Time | None, Field(description="Null where there is none.")]
    attempted_at: Time | None
    delivered_at: Time | None
    created_at: Time
    payload: Annotated[dict[str, Json], Field(description="What is sent.")]
