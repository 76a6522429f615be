"""Endpoints and deliveries as the API shows them."""

import json
from collections.abc import Sequence

from wire.times import rfc3339

from .models import Delivery, Endpoint, Secret


def represent_endpoints(endpoints: Sequence[Endpoint]) -> list[dict]:
    """One query for the secrets of any number of them; with each comes its workflow."""
    found: dict[object, list[Secret]] = {endpoint.pk: [] for endpoint in endpoints}
    for secret in Secret.objects.alive().filter(endpoint__in=found).order_by("-pk"):
        found[secret.endpoint_id].append(secret)
    return [_represent(endpoint, found[endpoint.pk]) for endpoint in endpoints]


def _represent(endpoint: Endpoint, secrets: list[Secret]) -> dict:
    return {
        "id": str(endpoint.pk),
        "kind": endpoint.kind,
        "address": endpoint.address,
        "events": endpoint.events,
        "workflow": endpoint.workflow.name if endpoint.workflow else None,
        "hours": endpoint.hours,
        "enabled": endpoint.enabled,
        "disabled_because": endpoint.disabled_because or None,
        "failing_since": rfc3339(endpoint.failing_since),
        "secrets": [{"created_at": rfc3339(one.created_at), "expires_at": rfc3339(one.expires_at)} for one in secrets],
        "created_by": endpoint.created_by,
        "created_at": rfc3339(endpoint.created_at),
    }


def represent_delivery(delivery: Delivery) -> dict:
    waits = delivery.state == Delivery.State.WAITING
    return {
        "id": str(delivery.pk),
        "endpoint": str(delivery.endpoint_id),
        "type": delivery.type,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "response_code": delivery.response_code,
        "answer": delivery.answer or None,
        "error": delivery.error or None,
        "next_try_at": rfc3339(delivery.due_at) if waits else None,
        "attempted_at": rfc3339(delivery.attempted_at),
        "delivered_at": rfc3339(delivery.delivered_at),
        "created_at": rfc3339(delivery.created_at),
        "payload": json.loads(delivery.body),
    }
