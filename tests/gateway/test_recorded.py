"""What real models answered once is recorded as it comes, and answered again: through the whole engine, and as files."""

import json
import re
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from executions.models import Execution
from gateway.event_loop import wait_for
from gateway.models import Call
from gateway.providers import registry
from gateway.providers.recorded import RecordedProvider, Recorder, Recording, RecordingError
from gateway.types import Block, Completion, Rejected, Request, Stop, Throttled, Usage
from tests.cast import envelope, execute, make_project, make_workflow
from tests.messages_server import MessagesServer, error, message
from tests.secrets import SECRETS

REQUEST = Request(
    model="claude-haiku-5-5",
    system=(Block("Say what it is.", cached=True),),
    user="[17ab] A vase [17ab]",
    schema={"type": "object"},
    max_output_tokens=100,
    marker="17ab",
)
ANSWER = Completion("A vase.", "claude-haiku-5-5-20260101", Usage(5, 4, 3, 2, 20, 10), Stop.MAX_TOKENS, "msg_1")


class Told:
    """A model that answers from a list, and raises what is an error."""

    protocol, simulated = "anthropic", False

    def __init__(self, *answers):
        self.answers = list(answers)

    async def complete(self, request):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def record(file: Path, *answers, request=REQUEST):
    recorder = Recorder(Told(*answers), file)
    return [wait_for(recorder.complete(request)) for _ in answers]


def ask(provider, request=REQUEST):
    return wait_for(provider.complete(request))


# Through the engine.


def a_model(request: dict) -> dict:
    """The cheap one breaks its answer on a kettle, and mends it when told; of a lamp it is unsure, and the frontier is not."""
    said, frontier = request["messages"][0]["content"], "opus" in request["model"]
    if "kettle" in said and "not JSON" not in said:
        return message("not JSON", usage={"input_tokens": 700, "output_tokens": 5})
    usage = {"input_tokens": 700, "cache_read_input_tokens": 300, "output_tokens": 60}
    unsure = "lamp" in said and not frontier
    return message(envelope({"kind": "refund"}, confidence=0.1 if unsure else 0.95), usage=usage)


MESSAGES = ("A refund for the vase", "A refund for the kettle", "A refund for the lamp", "A refund for the vase")
FAMILY = {"cheap": "claude-haiku-5-5", "standard": "claude-sonnet-5-5", "frontier": "claude-opus-5-5"}
TOLD = (
    "purpose",
    "step",
    "outcome",
    "model_planned",
    "model_served",
    "input",
    "cache_read",
    "output",
    "cost",
    "cost_state",
)


def a_workflow(project: str, provider: str):
    return make_workflow(project=make_project(project, {tier: f"{provider}:{model}" for tier, model in FAMILY.items()}))


def run(workflow, messages=MESSAGES):
    """What came of each message, and what each call was and cost."""
    done = [execute(workflow, message) for message in messages]
    came = [(one.status, one.output, one.resolved_by) for one in done]
    calls = [list(Call.objects.filter(execution=one.pk).order_by("intended_at").values_list(*TOLD)) for one in done]
    return came, calls


@pytest.fixture
def server(monkeypatch):
    with MessagesServer(a_model) as running:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        yield running


@pytest.fixture
def file(settings, tmp_path):
    settings.RECORD_TO = tmp_path / "recorded.jsonl"
    return settings.RECORD_TO


def replayed_from(settings, file):
    settings.RECORD_TO, settings.RECORDINGS = None, [file]
    registry.forget()


@pytest.mark.django_db
def test_what_was_recorded_in_one_project_is_answered_again_in_another(server, file, settings):
    recorded = run(a_workflow("alice", "anthropic"))
    assert [resolved_by for _, _, resolved_by in recorded[0]] == ["workflow", "workflow", "frontier", "workflow"]
    assert len(file.read_text().splitlines()) == len(server.exchanges) == 6
    asked = len(server.exchanges)
    wait_for(registry.EVERYONES["anthropic"].client.close())

    replayed_from(settings, file)
    replayed = run(a_workflow("bruno", "recorded"))
    assert replayed == recorded
    assert len(server.exchanges) == asked
    assert set(Call.objects.values_list("provider", "simulated")) == {("anthropic", False), ("recorded", True)}
    assert list(Execution.objects.filter(project__name="bruno").values_list("simulated", flat=True)) == [True] * 4
    paid, played = (sum(Call.objects.filter(simulated=kind).values_list("cost", flat=True)) for kind in (False, True))
    assert paid == played > 0


@pytest.mark.django_db
def test_a_recording_tells_what_was_asked_without_the_random_marker(server, file):
    run(a_workflow("alice", "anthropic"), ["A refund for the lamp"])
    [marker] = set(re.findall("</data-(.+?)>", Call.objects.first().payload.request["user"]))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["request"]["model"] for line in lines] == ["claude-haiku-5-5", "claude-opus-5-5"]
    assert all("lamp" in line["request"]["user"] and marker not in line["request"]["user"] for line in lines)
    assert lines[0]["usage"] == {
        **{"input": 700, "cache_read": 300, "cache_write_5m": 0, "cache_write_1h": 0, "output": 60, "thinking": 0}
    }


def test_a_recording_holds_no_secret_and_is_found_all_the_same(tmp_path):
    key, card = SECRETS[0][1], "4111 1111 1111 1111"
    request = replace(REQUEST, user=f"[17ab] Use {key} [17ab]")
    record(tmp_path / "r.jsonl", replace(ANSWER, text=json.dumps({"n": [card, key]})), request=request)
    written = (tmp_path / "r.jsonl").read_text()
    assert key not in written
    assert card not in written
    assert json.loads(written)["request"]["user"] == "[] Use [redacted:api-key] []"
    told = ask(RecordedProvider([tmp_path / "r.jsonl"]), request)
    assert json.loads(told.text) == {"n": ["[redacted:card]", "[redacted:api-key]"]}


@pytest.mark.django_db
def test_a_miss_fails_and_says_which_request_and_how_to_record_it(server, file, settings):
    run(a_workflow("alice", "anthropic"), MESSAGES[:1])
    wait_for(registry.EVERYONES["anthropic"].client.close())
    replayed_from(settings, file)
    execution = execute(a_workflow("bruno", "recorded"), "A refund for the table")
    call = Call.objects.get(execution=execution.pk)
    assert (execution.status, execution.error["code"]) == ("failed", "provider_rejected")
    assert execution.error["detail"] == call.error
    assert "no recording of this request to claude-haiku-5-5" in call.error
    assert "RECORD_TO" in call.error
    assert f"Fingerprint {call.request_hash}." in call.error
    assert (call.outcome, call.cost, call.simulated) == ("rejected", 0, True)


@pytest.mark.django_db
def test_a_failed_call_is_not_recorded(server, file):
    server.inject(error(400, "No."))
    execution = execute(a_workflow("alice", "anthropic"))
    assert execution.status == "failed"
    assert not file.exists()


@pytest.mark.django_db
def test_scripted_models_are_not_recorded(file):
    execute(a_workflow("alice", "scripted"))
    assert Call.objects.exists()
    assert not file.exists()


# Files.


def test_an_answer_comes_back_as_it_was(tmp_path):
    record(tmp_path / "a.jsonl", ANSWER)
    assert ask(RecordedProvider([tmp_path / "a.jsonl"])) == replace(ANSWER, provider_request_id="recorded")


def test_another_marker_is_the_same_request(tmp_path):
    record(tmp_path / "a.jsonl", ANSWER)
    other = replace(REQUEST, user="[99ff] A vase [99ff]", marker="99ff")
    assert ask(RecordedProvider([tmp_path / "a.jsonl"]), other).text == "A vase."


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "claude-opus-5-5"},
        {"system": (Block("Say what it was."),)},
        {"user": "[17ab] A lamp [17ab]"},
        {"schema": {"type": "array"}},
        {"schema": None},
        {"max_output_tokens": 101},
    ],
)
def test_everything_that_decides_the_answer_makes_another_request(tmp_path, changed):
    record(tmp_path / "a.jsonl", ANSWER)
    with pytest.raises(Rejected):
        ask(RecordedProvider([tmp_path / "a.jsonl"]), replace(REQUEST, **changed))


def test_several_answers_to_one_request_come_in_their_order_and_round_again(tmp_path):
    answers = [replace(ANSWER, text=str(number)) for number in range(3)]
    record(tmp_path / "a.jsonl", *answers[:2])
    record(tmp_path / "b.jsonl", answers[2])
    provider = RecordedProvider([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    assert [ask(provider).text for _ in range(5)] == ["0", "1", "2", "0", "1"]


def test_an_error_is_passed_on_and_not_recorded(tmp_path):
    recorder = Recorder(Told(Throttled("Busy."), ANSWER), tmp_path / "a.jsonl")
    with pytest.raises(Throttled):
        ask(recorder)
    ask(recorder)
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 1


def test_a_paid_answer_is_not_lost_where_it_cannot_be_recorded(tmp_path):
    assert record(tmp_path / "no folder" / "a.jsonl", ANSWER) == [ANSWER]


def test_every_text_is_one_line(tmp_path):
    text = 'a\nb\r\u2028\u2029\x85 "ä" \\u0000 \U0001f600'
    record(tmp_path / "a.jsonl", replace(ANSWER, text=text), ANSWER)
    provider = RecordedProvider([tmp_path / "a.jsonl"])
    assert [ask(provider).text for _ in range(2)] == [text, "A vase."]


def test_what_people_wrote_is_readable_by_its_owner(tmp_path):
    record(tmp_path / "a.jsonl", ANSWER)
    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == 0o600


def test_a_line_that_was_cut_off_costs_itself_alone(tmp_path):
    file = tmp_path / "a.jsonl"
    record(file, ANSWER)
    file.write_bytes(file.read_bytes() + b'{"fingerprint": "12')
    record(file, ANSWER)
    first, cut, last = file.read_text().splitlines()
    assert (json.loads(first)["fingerprint"], cut) == (json.loads(last)["fingerprint"], '{"fingerprint": "12')


RECORD = """
import asyncio, sys
from pathlib import Path
from gateway.providers.recorded import Recorder
from gateway.types import Completion, Request, Usage

class Model:
    protocol = "anthropic"
    async def complete(self, request):
        return Completion(request.user * 2_000, "m", Usage(output=1))

async def main():
    recorder = Recorder(Model(), Path(sys.argv[1]))
    asked = [Request("m", (), f"{sys.argv[2]}-{n}", None, 10) for n in range(100)]
    await asyncio.gather(*map(recorder.complete, asked))

asyncio.run(main())
"""


def test_two_processes_that_record_at_once_lose_no_line(tmp_path):
    file = tmp_path / "a.jsonl"
    command = [sys.executable, "-c", RECORD, str(file)]
    several = [subprocess.Popen([*command, name], cwd=django_settings.BASE) for name in ("one", "two")]
    assert [process.wait(60) for process in several] == [0, 0]
    asked = [json.loads(line)["request"]["user"] for line in file.read_text().splitlines()]
    assert sorted(asked) == sorted(f"{name}-{n}" for name in ("one", "two") for n in range(100))
    RecordedProvider([file])


GOOD = Recording.of(REQUEST, ANSWER, 5).model_dump(mode="json")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "the line: Invalid JSON"),
        (b"[]", "the line: Input should be an object"),
        (b"\xff\xfe", "the line: Invalid JSON"),
        (json.dumps({**GOOD, "fingerprint": "12"}), "fingerprint: String should match"),
        (json.dumps({**GOOD, "usage": {"input": -1}}), "usage.input: Input should be greater than or equal to 0"),
        (json.dumps({**GOOD, "usage": {"input": 1.5}}), "usage.input: Input should be a valid integer"),
        (json.dumps({**GOOD, "stop": "maybe"}), "stop: Input should be 'end'"),
        (json.dumps({**GOOD, "model_served": ""}), "model_served: String should have at least 1 character"),
        (json.dumps({**GOOD, "price": 0}), "price: Extra inputs are not permitted"),
        (json.dumps({key: value for key, value in GOOD.items() if key != "response"}), "response: Field required"),
    ],
)
def test_a_line_that_is_no_recording_is_named(tmp_path, line, told):
    file = tmp_path / "a.jsonl"
    line = line if isinstance(line, bytes) else line.encode()
    file.write_bytes(json.dumps(GOOD).encode() + b"\n\n" + line + b"\n")
    with pytest.raises(RecordingError) as raised:
        RecordedProvider([file])
    assert str(raised.value).startswith(f"{file}, line 3: {told}")
    assert str(raised.value).endswith(".")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match="No such file"):
        RecordedProvider([tmp_path / "none.jsonl"])


def test_without_files_there_is_no_recording():
    with pytest.raises(Rejected, match="no recording of this request to claude-haiku-5-5"):
        ask(RecordedProvider([]))
