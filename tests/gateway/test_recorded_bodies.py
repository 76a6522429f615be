"""What the real providers answered others goes through the adapters: read where it is the protocol, with the right usage,
and else refused by name."""

from collections import Counter

import pytest

from gateway.providers.anthropic import read_message
from gateway.providers.openai import read_chat_completion
from gateway.types import AccessDenied, NotTheProtocol, ProviderError, Rejected, Stop, Usage
from tests.gateway.recorded_calls import body_of, needs_them, recorded_calls
from tests.gateway.sides import KEY, REQUEST, SIDES
from tests.model_server import Reply
from tests.waiting import Waiting

pytestmark = needs_them

READERS = {"anthropic": read_message, "openai": read_chat_completion}


def protocol_of(call: dict) -> str:
    """Which of ours an answer is in; empty: another one, or a stream of events."""
    if call["status"] != 200 or not isinstance(call["response"], dict) or "_sse" in call["response"]:
        return ""
    if call["response"].get("type") == "message":  # also by way of Bedrock
        return "anthropic"
    return "openai" if call["endpoint"].partition("#")[0].endswith(("chat/completions", "chat/compl")) else ""


def usage_of_message(stated: dict) -> Usage:
    hour = (stated.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
    return Usage(
        input=stated["input_tokens"],
        cache_read=stated.get("cache_read_input_tokens", 0),
        cache_write_5m=stated.get("cache_creation_input_tokens", 0) - hour,
        cache_write_1h=hour,
        output=stated["output_tokens"],
        thinking=(stated.get("output_tokens_details") or {}).get("thinking_tokens", 0),
    )


def usage_of_chat(stated: dict) -> Usage:
    """By the total, which every one of them states: what is not the prompt was written."""
    read, output = stated["prompt_tokens"], stated["total_tokens"] - stated["prompt_tokens"]
    details = stated.get("prompt_tokens_details") or {}
    written = details.get("cache_write_tokens", 0)
    cached = min(details.get("cached_tokens", 0) + stated.get("num_cached_tokens", 0), read - written)
    reasoning = (stated.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    return Usage(
        input=read - cached - written,
        cache_read=cached,
        cache_write_5m=written,
        output=output,
        thinking=reasoning or output - stated["completion_tokens"],
    )


USAGES = {"anthropic": usage_of_message, "openai": usage_of_chat}


def test_every_answer_of_our_protocols_is_read_with_its_usage():
    read, cached, stops = Counter(), 0, Counter()
    for call in recorded_calls():
        if protocol := protocol_of(call):
            response = call["response"]
            answer = READERS[protocol](body_of(call))
            assert answer.model_served == response["model"]
            assert answer.usage == USAGES[protocol](response["usage"]), call["path"]
            read[protocol] += 1
            cached += answer.usage.cache_read > 0
            stops[answer.stop] += 1
    assert read == {"anthropic": 154, "openai": 226}
    assert cached > 10
    assert stops == {Stop.END: 235, Stop.OTHER: 141, Stop.MAX_TOKENS: 4}


def test_everything_else_is_not_the_protocol_and_nothing_worse():
    refused = Counter()
    for call in recorded_calls():
        for protocol, read in READERS.items():
            if call["status"] == 200 and protocol_of(call) != protocol:
                with pytest.raises(NotTheProtocol):
                    read(body_of(call))
                refused[protocol] += 1
    assert refused == {"anthropic": 710, "openai": 638}


def test_every_error_is_what_its_status_says():
    seen = Counter()
    for side in SIDES.values():
        with side.server(lambda request: "") as server:
            provider = Waiting(side.provider(KEY, server.url))
            for call in recorded_calls():
                if call["status"] < 400:
                    continue
                server.inject(Reply(body_of(call), call["status"]), times=6)  # some speak of how they were asked
                with pytest.raises(ProviderError) as raised:
                    provider.complete(REQUEST)
                server._injected.clear()
                assert isinstance(raised.value, AccessDenied if call["status"] == 401 else Rejected)
                assert call["response"]["error"]["message"][:100] in raised.value.detail
                seen[side.name] += 1
            provider.close()
    assert seen == {"anthropic": 15, "openai": 15}
