"""The common work: normalise in code; classify, answered in JSON; draft a reply. The same requests for every peer, through
the Anthropic SDK with its own retries off."""

import json
import re
import unicodedata
from typing import Any

import anthropic

MODEL = "claude-haiku-5-5"
MAX_TOKENS = 512
TEXT = (
    "  Hello,\tI bought  the  Blue Kettle (order #A-1029) on the 3rd and it leaks.  I would like my money back.  " * 4
)

Answer = dict[str, Any]


def normalise(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().lower()


def classification(text: str) -> dict[str, Any]:
    return _request("Classify this message. Answer in JSON.", text)


def draft(text: str, category: str) -> dict[str, Any]:
    return _request("Write a reply. Answer in JSON.", f"Category: {category}\n{text}")


def _request(instructions: str, user: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": user}]
    return {"model": MODEL, "max_tokens": MAX_TOKENS, "system": instructions, "messages": messages}


def read(message: anthropic.types.Message) -> Answer:
    """What a step stores: what was said, and the tokens it took."""
    said = json.loads(message.content[0].text)
    return {**said["output"], "input": message.usage.input_tokens, "output": message.usage.output_tokens}


class Steps:
    """The two model calls of a peer whose worker has threads. One client for the process."""

    def __init__(self, provider: str) -> None:
        self._client = anthropic.Anthropic(api_key="none", base_url=provider, max_retries=0)

    def classify(self, text: str) -> Answer:
        return read(self._client.messages.create(**classification(text)))

    def draft(self, text: str, category: str) -> Answer:
        return read(self._client.messages.create(**draft(text, category)))


class AsyncSteps:
    """The same for a peer whose worker is an event loop, with the SDK's faster transport."""

    def __init__(self, provider: str) -> None:
        transport = anthropic.DefaultAioHttpClient()
        self._client = anthropic.AsyncAnthropic(api_key="none", base_url=provider, max_retries=0, http_client=transport)

    async def classify(self, text: str) -> Answer:
        return read(await self._client.messages.create(**classification(text)))

    async def draft(self, text: str, category: str) -> Answer:
        return read(await self._client.messages.create(**draft(text, category)))
