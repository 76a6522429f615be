"""The plain driver: the calling thread takes one execution as far as it goes, and waits itself. For tests and tools."""

import time
from uuid import UUID

from gateway.event_loop import wait_for

from .. import turns, worker
from ..effects import AskModel, CallTool, Pause
from ..turns import Held, Wait


def advance(execution_id: UUID, worker_id: UUID) -> None:
    """Claims the execution and runs it to its end, or to where it stands still. Safe to call twice, from anywhere."""
    with worker.holding(execution_id) as free:
        held = turns.claim(execution_id, worker_id) if free else None
        wait = turns.turn(held) if held else None
        while wait:
            wait = turns.turn(held, _waited(held, wait))


def _waited(held: Held, wait: Wait) -> object:
    match wait:
        case AskModel():
            return wait_for(turns.ask(held, wait))
        case CallTool():
            return wait_for(turns.call(held, wait))
        case Pause(seconds):
            return time.sleep(seconds)
