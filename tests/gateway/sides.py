"""The two protocols side by side: a server that speaks it, the provider that is tested against it, and what differs."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.providers.anthropic import AnthropicProvider
from gateway.providers.openai import OpenAIProvider
from gateway.providers.sdk import SdkProvider
from gateway.types import Block, Request
from tests import chat_server, messages_server
from tests.chat_server import ChatServer
from tests.messages_server import MessagesServer
from tests.model_server import Body, ModelServer, Reply

KEY = "sk-a-key-for-tests-only"
ANSWER = '{"id": null}'
REQUEST = Request(
    model="claude-haiku-5-5",
    system=(Block("What holds for every step."), Block("Which order is meant?", cached=True), Block("", cached=True)),
    user="My parcel with the blue vase did not arrive.",
    schema={"type": "object", "properties": {"id": {"type": ["string", "null"]}}, "required": ["id"]},
    max_output_tokens=500,
)


@dataclass(frozen=True)
class Side:
    """`own`: the names of the variables that its SDK reads by itself. `answer`: the body that says a text."""

    name: str
    vendor: str
    server: type[ModelServer]
    provider: type[SdkProvider]
    error: Callable[..., Reply]
    answer: Callable[..., Body]
    own: tuple[str, ...]

    @property
    def key_variable(self) -> str:
        return self.provider.own_key_variable

    @property
    def address_variable(self) -> str:
        return self.key_variable.replace("API_KEY", "BASE_URL")


SIDES = {
    side.name: side
    for side in (
        Side(
            "anthropic",
            "Anthropic",
            MessagesServer,
            AnthropicProvider,
            messages_server.error,
            messages_server.message,
            ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_PROFILE"),
        ),
        Side(
            "openai",
            "The OpenAI-compatible endpoint",
            ChatServer,
            OpenAIProvider,
            chat_server.error,
            chat_server.completion,
            (
                *("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"),
                *("OPENAI_CUSTOM_HEADERS", "OPENAI_WEBHOOK_SECRET"),
            ),
        ),
    )
}
