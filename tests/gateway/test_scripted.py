"""The scripted provider: what a script can say, what it refuses, and the example of its page."""

import json
import re
import time
import tomllib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.providers.scripted import ScriptedProvider, ScriptError
from gateway.types import (
    AccessDenied,
    Block,
    NotTheProtocol,
    OutcomeUnknown,
    Rejected,
    Request,
    Stop,
    Throttled,
    Usage,
)
from tests.waiting import Waiting

PAGE = Path(__file__).parents[2] / "docs" / "scripted-provider.md"


def ask(user: str, system: str = "", model: str = "claude-haiku-5-5", max_output_tokens: int = 1_000) -> Request:
    return Request(model, (Block(system, cached=True),) if system else (), user, None, max_output_tokens)


async def at_once(seconds: float) -> None:
    """Nobody waits."""


def noted(slept: list[float]) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    return sleep


def scripted(*answers: dict, **top: object) -> Waiting:
    return Waiting(ScriptedProvider.from_answers(answers, sleep=at_once, **top))


def test_the_first_answer_whose_patterns_all_match_is_given():
    provider = scripted(
        {"system": "tickets", "user": "refund", "model": "opus", "text": "all three"},
        {"system": "tickets", "user": "refund", "text": "two"},
        {"user": "refund", "text": "one"},
        {"text": "anything"},
    )
    assert provider.complete(ask("a refund", "tickets", "claude-opus-5-5")).text == "all three"
    assert provider.complete(ask("a refund", "tickets")).text == "two"
    assert provider.complete(ask("a refund", "orders")).text == "one"
    assert provider.complete(ask("hello")).text == "anything"


def test_it_is_simulated_and_answers_as_the_model_that_was_asked():
    provider = scripted({"text": "yes"})
    completion = provider.complete(ask("hello"))
    assert (provider.protocol, provider.simulated) == ("scripted", True)
    assert (completion.model_served, completion.stop) == ("claude-haiku-5-5", Stop.END)


def test_it_can_claim_to_be_another_model():
    assert scripted({"text": "yes", "model_served": "other-1"}).complete(ask("hello")).model_served == "other-1"


def test_a_text_takes_in_a_file_that_lies_beside_the_script(tmp_path):
    (tmp_path / "long.yaml").write_text("price: $1, $$ and $name\n")
    script = tmp_path / "script.toml"
    script.write_text(
        """[[answer]]
user = 'for (?P<name>[a-z]+)'
[answer.json]
definition = "$file:long.yaml# for $name"
list = ["$file:long.yaml."]
"""
    )
    told = json.loads(Waiting(ScriptedProvider([script])).complete(ask("for ada")).text)
    assert told["definition"] == "price: $1, $$ and $name\n# for ada"
    assert told["list"] == ["price: $1, $$ and $name\n."]


def test_a_file_that_cannot_be_read_is_told_when_the_script_is_read(tmp_path):
    script = tmp_path / "script.toml"
    script.write_text('[[answer]]\ntext = "$file:gone.yaml"')
    with pytest.raises(ScriptError, match=r"answer 1: \$file:gone.yaml cannot be read: .*No such file"):
        ScriptedProvider([script])
    with pytest.raises(ScriptError, match=r"answer 1: \$file:gone.yaml stands beside no file"):
        scripted({"text": "$file:gone.yaml"})


def test_a_file_of_a_script_is_in_its_folder(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in").mkdir()
    script = tmp_path / "in" / "script.toml"
    script.write_text('[[answer]]\ntext = "$file:../secret $file:/etc/hostname"')
    assert Waiting(ScriptedProvider([script])).complete(ask("?")).text == "$file:../secret $file:/etc/hostname"


def test_json_is_sent_as_text_with_null_where_the_script_says_so():
    answer = {"status": "ok", "uncovered": "$null", "output": {"list": ["$null", "ä"]}}
    text = scripted({"json": answer}).complete(ask("hello")).text
    assert text == '{"status": "ok", "uncovered": null, "output": {"list": [null, "ä"]}}'


def test_groups_of_the_user_pattern_are_put_into_the_answer():
    provider = scripted(
        {"user": r"(?P<name>\w+) owes (\d+)( euros)?", "json": {"said": "$name: $2$3, $$5, $9 and $other"}}
    )
    assert json.loads(provider.complete(ask("Ada owes 12")).text) == {"said": "Ada: 12, $5, $9 and $other"}


def test_a_value_cannot_break_out_of_the_json():
    provider = scripted({"user": "say (.*)", "json": {"said": "$1"}})
    assert json.loads(provider.complete(ask('say "}, {"a": 1')).text) == {"said": '"}, {"a": 1'}


def test_an_answer_without_groups_keeps_its_dollars():
    assert scripted({"user": "(price)", "text": "It is $20."}).complete(ask("price")).text == "It is $20."
    assert scripted({"text": "It is $1.50 or $$1."}).complete(ask("price")).text == "It is $1.50 or $1."


def test_without_a_match_it_answers_as_a_model_that_does_not_know():
    completion = scripted({"user": "refund", "text": "x"}).complete(ask("hello"))
    envelope = json.loads(completion.text)
    assert envelope["status"] == "uncovered"
    assert (envelope["output"], envelope["confidence"], envelope["edge_case"]) == (None, 0.0, None)
    assert "ANTHROPIC_API_KEY" in envelope["uncovered"]
    assert "[[answer]]" in envelope["uncovered"]


def test_tokens_are_estimated_at_four_bytes_each():
    completion = scripted({"text": "0123456789"}).complete(ask("äöü", "12345678"))
    assert completion.usage == Usage(input=4, output=3)  # 6 + 8 bytes in, 10 bytes out


def test_the_cache_is_written_once_and_read_afterwards_when_the_script_says_so():
    provider = scripted({"text": "1234"}, cache=True)
    asked = ask("abcd", "12345678")
    assert provider.complete(asked).usage == Usage(input=1, cache_write_5m=2, output=1)
    assert provider.complete(asked).usage == Usage(input=1, cache_read=2, output=1)
    assert provider.complete(ask("abcd", "12345678", "claude-opus-5-5")).usage.cache_write_5m == 2


def test_one_given_number_of_the_prompt_switches_its_estimate_off():
    provider = scripted({"text": "1234", "cache_read": 4_500, "input_tokens": 500, "output_tokens": 300}, cache=True)
    assert provider.complete(ask("abcd", "12345678")).usage == Usage(input=500, cache_read=4_500, output=300)
    assert scripted({"text": "1234", "input_tokens": 7}).complete(ask("abcd", "12")).usage == Usage(input=7, output=1)


def test_an_answer_that_is_too_long_is_cut():
    completion = scripted({"text": "ä" * 100}).complete(ask("hello", max_output_tokens=3))
    assert (completion.text, completion.stop, completion.usage.output) == ("ääääää", Stop.MAX_TOKENS, 3)


@pytest.mark.parametrize(("said", "stop"), [("refusal", Stop.REFUSAL), ("max_tokens", Stop.MAX_TOKENS)])
def test_it_can_stop_for_another_reason(said, stop):
    assert scripted({"text": "I", "stop": said}).complete(ask("hello")).stop == stop


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ("throttled", Throttled),
        ("denied", AccessDenied),
        ("rejected", Rejected),
        ("unknown", OutcomeUnknown),
        ("protocol", NotTheProtocol),
    ],
)
def test_it_can_fail_in_every_way(said, raised):
    with pytest.raises(raised) as failure:
        scripted({"error": said, "retry_after": 2.5}).complete(ask("hello"))
    assert failure.value.retry_after == 2.5
    assert failure.value.detail == "The script says so (script: answer 1)."


def test_an_answer_is_given_only_so_often_and_then_the_next_one_is():
    provider = scripted({"user": "x", "text": "broken", "times": 2}, {"user": "x", "text": "mended"})
    assert [provider.complete(ask("x")).text for _ in range(4)] == ["broken", "broken", "mended", "mended"]


def test_threads_share_the_count():
    provider = scripted({"text": "rare", "times": 50}, {"text": "common"})
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: provider.complete(ask("x")).text, range(200)))
    assert (texts.count("rare"), texts.count("common")) == (50, 150)


def test_latency_is_spent_through_the_one_door():
    slept: list[float] = []
    answers = [{"user": "slow", "text": "x", "latency_ms": 250}, {"user": "usual", "text": "x"}]
    provider = Waiting(ScriptedProvider.from_answers(answers, sleep=noted(slept), latency_ms=20))
    for user in ("slow", "usual", "unknown"):
        provider.complete(ask(user))
    assert slept == [0.25, 0.02]


def test_a_pattern_that_would_run_away_is_matched_in_linear_time():
    provider = scripted({"user": "(a+)+b", "text": "x"}, {"user": ".*refund.*", "text": "x"}, {"text": "neither"})
    started = time.monotonic()
    assert provider.complete(ask("a" * 200_000)).text == "neither"
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"text": "x", "colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"user": "x"}, "one of json, text or error is missing"),
        ({"json": {}, "text": "x"}, "json and text stand side by side: give one of them"),
        ({"text": "x", "times": 0}, "times: Input should be greater than 0"),
        ({"text": "x", "output_tokens": -1}, "output_tokens: Input should be greater than or equal to 0"),
        ({"text": "x", "input_tokens": "12"}, "input_tokens: Input should be a valid integer"),
        ({"text": "x", "stop": "tired"}, "stop: Input should be 'refusal' or 'max_tokens'"),
        ({"text": "x", "retry_after": 1.0}, "retry_after needs an error"),
        ({"error": "denied", "retry_after": 86_401}, "retry_after: Input should be less than or equal to 86400"),
        ({"error": "denied", "retry_after": float("inf")}, "retry_after: Input should be less than or equal to 86400"),
        ({"error": "denied", "retry_after": float("nan")}, "retry_after: Input should be less than or equal to 86400"),
        ({"text": "x", "latency_ms": float("inf")}, "latency_ms: Input should be less than or equal to 600000"),
        ({"user": "(", "text": "x"}, "user: '(' is not a pattern: unclosed group"),
        ({"system": "(?=x)", "text": "x"}, "system: '(?=x)' is not a pattern: look-around"),
        ({"json": {"a": float("nan")}}, "json holds what JSON does not"),
    ],
)
def test_a_malformed_answer_is_refused_with_its_number_and_what_is_wrong(answer, told):
    with pytest.raises(ScriptError, match=re.escape(f"script: answer 2: {told}")):
        scripted({"text": "fine"}, answer)


def test_a_date_is_not_json():
    answer = tomllib.loads("[json]\nday = 2026-01-01")
    with pytest.raises(ScriptError, match="answer 1: json holds what JSON does not"):
        scripted(answer)


def test_a_file_that_is_no_script_is_refused_by_name(tmp_path):
    for content, told in [("[[answer", "not TOML"), ("speed = 3", "speed: Extra inputs are not permitted")]:
        path = tmp_path / "support.toml"
        path.write_text(content)
        with pytest.raises(ScriptError, match=f"support.toml: {told}"):
            ScriptedProvider([path])
    with pytest.raises(ScriptError, match=r"missing.toml: cannot be read"):
        ScriptedProvider([tmp_path / "missing.toml"])


def test_several_scripts_are_read_one_after_the_other(tmp_path):
    (tmp_path / "a.toml").write_text('[[answer]]\nuser = "a"\ntext = "from a"\n')
    (tmp_path / "b.toml").write_text('latency_ms = 5\n[[answer]]\ntext = "from b"\n')
    slept: list[float] = []
    provider = Waiting(ScriptedProvider([tmp_path / "a.toml", tmp_path / "b.toml"], sleep=noted(slept)))
    assert [provider.complete(ask(user)).text for user in ("a", "b")] == ["from a", "from b"]
    assert slept == [0.005]


@pytest.fixture
def example(tmp_path) -> ScriptedProvider:
    """The script of the page, as a reader would copy it."""
    block = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    path = tmp_path / "example.toml"
    path.write_text(block[1], encoding="utf-8")
    return Waiting(ScriptedProvider([path], sleep=at_once))


def test_the_example_of_the_page_does_what_the_page_says(example):
    billing = example.complete(ask("Refund me!", "Which category is it?"))
    assert json.loads(billing.text)["output"] == {"category": "billing"}
    assert json.loads(billing.text)["edge_case"] is None
    assert billing.usage == Usage(input=3, cache_write_5m=6, output=40)
    order = example.complete(ask("My order B17 is late", "Which order?"))
    assert json.loads(order.text)["output"] == {"order_id": "B17", "note": "read as B17, worth $20"}
    assert [example.complete(ask("flaky")).text for _ in range(2)] == [
        "not JSON at all",
        '{"status": "ok", "output": {"fixed": true}}',
    ]
    for _ in range(2):
        with pytest.raises(Throttled) as failure:
            example.complete(ask("busy"))
        assert failure.value.retry_after == 0.5
    assert json.loads(example.complete(ask("busy")).text)["status"] == "uncovered"
    counted = example.complete(ask("a long document", model="claude-opus-5-5"))
    assert counted.usage == Usage(input=500, cache_read=4_500, output=300)
    assert example.complete(ask("something awful")).stop == Stop.REFUSAL
