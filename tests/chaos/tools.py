"""Tools that do harm, for the tests of faults: a registered one ends its worker, another one takes its time."""

import os
import time

from projects.tools import tool

MESSAGE = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}


@tool("chaos.poison", description="Ends its worker where the message says so.", input_schema=MESSAGE)
def poison(message: str) -> dict:
    if "poison" in message:
        os._exit(137)
    return {}


@tool("chaos.sleep", description="Takes its time.", input_schema=MESSAGE)
def sleep(message: str) -> dict:
    time.sleep(30)
    return {}
