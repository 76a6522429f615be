"""Valkey, as Celery's workers read it, for whoever rings their bells by hand."""

import base64
import json
from uuid import uuid4

import redis

QUEUE = "workflow-memory:celery"


def tell(url: str, *command: object) -> object:
    """The answer to one command."""
    with redis.Redis.from_url(url) as client:
        return client.execute_command(*command)


def message(task: str, arguments: object) -> bytes:
    """A message of Celery's second protocol, as its own client writes it into the list."""
    body = json.dumps([arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    told = str(uuid4())
    headers = {"lang": "py", "task": task, "id": told, "root_id": told, "parent_id": None, "group": None}
    properties = {
        "correlation_id": told,
        "reply_to": told,
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "celery"},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": told,
    }
    said = {
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
    }
    return json.dumps({"body": base64.b64encode(body.encode()).decode(), **said}).encode()
