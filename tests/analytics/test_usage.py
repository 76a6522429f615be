"""`manage.py reconcile --usage`: what a provider says of its days against the ledger. The exports in usage/ are written by
hand, in the shapes that the providers document."""

import hashlib
import json
import shlex
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from analytics.models import UsageImport, UsageRow
from analytics.usage import export, imports
from analytics.usage.comparison import compare
from gateway.types import Outcome, Usage
from projects.models import AuditEvent
from tests.cast import make_project
from tests.test_docs import DOCS, blocks, section
from wire.problems import Problem

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    REAL,
    SHORT,
    make_call,
    make_doubted_call,
    make_execution,
    make_measured_workflow,
)

pytestmark = pytest.mark.django_db

EXPORTS = Path(__file__).parent / "usage"
ANTHROPIC = EXPORTS / "anthropic_tokens.json"
MINI = "openai:gpt-4o-mini"
CACHED = Usage(input=1_200, cache_read=3_000, cache_write_5m=400, cache_write_1h=100, output=300)
DATED = {"model_served": "claude-haiku-4-5-20251001"}


@pytest.fixture
def workflow():
    return make_measured_workflow()


@pytest.fixture
def execution(workflow):
    return make_execution(workflow)


def make_all_calls(execution, but: int | None = None) -> None:
    """What anthropic_tokens.json speaks of, and nothing else; `but`: without this one."""
    opus = {"model_served": "claude-opus-4-5-20251101"}
    calls = [
        (HAIKU, CACHED, DATED),
        (HAIKU, SHORT, {"at": datetime(2026, 11, 16, 23, 59, 59, tzinfo=UTC)}),  # it answered by its undated name
        (OPUS, Usage(input=600, output=200), opus),
        (OPUS, Usage(input=400), opus),
    ]
    for number, (model, usage, fields) in enumerate(calls):
        if number != but:
            make_call(execution, model, usage, **fields)


@pytest.fixture
def calls(execution):
    make_all_calls(execution)


def against(capsys, file: Path, provider: str = "anthropic", *words: str) -> tuple[int, list[str]]:
    """The exit code of `reconcile --usage`, and the lines that it said."""
    code = 0
    try:
        call_command("reconcile", "--project", "alice", "--usage", str(file), "--provider", provider, *words)
    except SystemExit as stopped:
        code = stopped.code
    return code, capsys.readouterr().out.strip().splitlines()


def changed(tmp_path: Path, *changes: tuple[str, str], of: Path = ANTHROPIC) -> Path:
    text = of.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file = tmp_path / "export.json"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.usefixtures("calls")
def test_where_the_provider_says_the_same_it_says_so(capsys):
    assert against(capsys, ANTHROPIC) == (
        0,
        ["anthropic, 2 days from 2026-11-16 to 2026-11-17: ledger = provider, tokens of 2 days, costs of 0 days"],
    )


def test_a_call_that_is_missing_in_the_ledger_is_found(execution, capsys):
    make_all_calls(execution, but=2)
    assert against(capsys, ANTHROPIC) == (
        1,
        [
            "2026-11-16 claude-opus-4-5-20251101: ledger against provider, input 400 against 1000 (-600), "
            "output 0 against 200 (-200)",
            "anthropic, 2 days from 2026-11-16 to 2026-11-17: 1 difference; they differ from the first day on",
        ],
    )


@pytest.mark.usefixtures("calls")
def test_a_call_that_the_provider_does_not_know_is_found(execution, capsys):
    make_call(execution, HAIKU, at=NOON + timedelta(days=1), **DATED)
    code, said = against(capsys, ANTHROPIC)
    assert (code, said) == (
        1,
        [
            "2026-11-17 claude-haiku-4-5-20251001: the ledger has 1000 input, 200 output, and the provider's figures have none",
            "anthropic, 2 days from 2026-11-16 to 2026-11-17: 1 difference; they agree until 2026-11-16",
        ],
    )


@pytest.mark.usefixtures("calls")
def test_a_model_that_the_ledger_never_asked_points_at_others_with_the_key(capsys, tmp_path):
    file = changed(tmp_path, ('"model": "claude-haiku-4-5-20251001"', '"model": "claude-sonnet-4-5-20250929"'))
    code, said = against(capsys, file)
    assert code == 1
    assert said == [
        "2026-11-16 claude-haiku-4-5: the ledger has 1000 input, 200 output, and the provider's figures have none",
        "2026-11-16 claude-haiku-4-5-20251001: the ledger has 1200 input, 3000 cache read, 500 cache write, 300 output, "
        "and the provider's figures have none",
        "2026-11-16 claude-sonnet-4-5-20250929: the provider has 2200 input, 3000 cache read, 500 cache write, 500 output, "
        "and the ledger has none",
        "claude-sonnet-4-5-20250929: no call of the ledger in these days was answered by it: somebody else uses the provider's "
        "key, or calls are missing from the ledger",
        "anthropic, 2 days from 2026-11-16 to 2026-11-17: 3 differences; they differ from the first day on",
    ]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(("tolerance", "code"), [("0", 1), ("2", 1), ("3", 0)])
def test_tokens_within_the_tolerance_are_no_difference(capsys, tmp_path, tolerance, code):
    file = changed(tmp_path, ('"output_tokens": 500', '"output_tokens": 503'))
    assert against(capsys, file, "anthropic", "--tolerance", tolerance)[0] == code


@pytest.mark.usefixtures("calls")
def test_simulated_calls_other_providers_and_what_agents_report_count_nothing(execution, capsys):
    make_call(execution, HAIKU, simulated=True)
    make_call(execution, HAIKU, reported=True)
    make_call(execution, "openai:claude-haiku-4-5")
    make_call(None, HAIKU, project=execution.project_id + 1)
    assert against(capsys, ANTHROPIC)[0] == 0


@pytest.mark.usefixtures("calls")
def test_calls_in_doubt_and_over_midnight_are_named_beside_the_figures(execution, capsys):
    make_doubted_call(execution, 4_000_000_000)
    make_doubted_call(execution, 1_000_000_000)
    make_doubted_call(execution, None, at=NOON + timedelta(days=1))
    make_doubted_call(execution, 5, at=NOON + timedelta(days=2))  # of a day that is not compared
    midnight = datetime(2026, 11, 17, 0, 0, 1, tzinfo=UTC)
    make_call(execution, HAIKU, Usage(), at=midnight, intended_at=midnight - timedelta(seconds=2))
    assert against(capsys, ANTHROPIC) == (
        0,
        [
            "2026-11-16 claude-haiku-4-5: 2 calls in doubt, at most 0.005 USD, in no figure of the ledger above",
            "2026-11-17 claude-haiku-4-5: 1 call in doubt, nobody knows at what price, in no figure of the ledger above",
            "2026-11-17: 1 call of the ledger began the day before: the provider may count them there",
            "anthropic, 2 days from 2026-11-16 to 2026-11-17: ledger = provider, tokens of 2 days, costs of 0 days",
        ],
    )


@pytest.mark.usefixtures("calls")
def test_a_call_in_doubt_that_was_corrected_is_in_doubt_no_more(execution, capsys):
    """Its tokens and its cost are those of the correction, on the day of that."""
    doubted = make_doubted_call(execution, 4_000_000_000)
    late = NOON + timedelta(days=1)
    make_call(execution, HAIKU, at=late, corrects=doubted, cost=-2_000_000_000, outcome=Outcome.DISCARDED, **DATED)
    code, said = against(capsys, ANTHROPIC)
    assert code == 1
    assert said == [
        "2026-11-17 claude-haiku-4-5-20251001: the ledger has 1000 input, 200 output, and the provider's figures have none",
        "anthropic, 2 days from 2026-11-16 to 2026-11-17: 1 difference; they agree until 2026-11-16",
    ]


@pytest.mark.usefixtures("calls")
def test_the_cost_of_a_day_is_compared_where_the_provider_says_it(capsys, workflow):
    assert against(capsys, EXPORTS / "anthropic_costs.json") == (
        0,
        [
            "2026-11-16: the provider wants 0.02 USD more for what are no tokens",
            "anthropic, 2 days from 2026-11-16 to 2026-11-17: ledger = provider, tokens of 0 days, costs of 2 days",
        ],
    )
    (day, empty) = compare(workflow.project, "anthropic").costs
    assert (day.ledger, day.provider, day.other) == (15_700_000_000, 15_700_000_000, 20_000_000_000)
    assert (empty.ledger, empty.provider, empty.other) == (0, 0, 0)


@pytest.mark.usefixtures("calls")
def test_a_cost_that_differs_by_a_cent_or_more_is_found(execution, capsys, tmp_path):
    make_doubted_call(execution, 4_000_000_000_000)  # at its upper bound, which nobody may have paid
    costs = EXPORTS / "anthropic_costs.json"
    assert against(capsys, changed(tmp_path, ('"amount": "1.00"', '"amount": "1.99"'), of=costs))[0] == 0
    code, said = against(capsys, changed(tmp_path, ('"amount": "1.00"', '"amount": "2.00"'), of=costs))
    assert (code, said[0]) == (1, "2026-11-16: the ledger's cost is 0.0157 USD against 0.0257 (-0.01)")


def test_openais_prompt_tokens_are_taken_apart(execution, workflow, capsys):
    """In JSON lines, a page each."""
    served = {"model_served": "gpt-4o-mini-2024-07-18"}
    for usage in (Usage(input=150, cache_read=800, output=400), Usage(input=50, output=100)):
        make_call(execution, MINI, usage, **served)
    written = Usage(input=200, cache_write_5m=100, output=20)
    make_call(execution, MINI, written, at=NOON + timedelta(days=1), **served)
    assert against(capsys, EXPORTS / "openai_tokens.jsonl", "openai") == (
        0,
        ["openai, 2 days from 2026-11-16 to 2026-11-17: ledger = provider, tokens of 2 days, costs of 0 days"],
    )
    assert against(capsys, EXPORTS / "openai_costs.json", "openai")[0] == 0
    (cost,) = compare(workflow.project, "openai").costs
    assert (cost.ledger, cost.provider) == (390_000_000, 390_000_000)


def test_a_provider_of_a_projects_own_may_answer_under_another_name(execution, workflow, capsys):
    workflow.project.providers.create(
        name="relay", protocol="openai", base_url="https://relay.test/v1/", aliases={"mini": "gpt-4o-mini-2024-07-18"}
    )
    make_call(execution, "relay:mini", Usage(input=200, cache_read=800, output=500))
    make_call(execution, "relay:mini", Usage(input=200, cache_write_5m=100, output=20), at=NOON + timedelta(days=1))
    assert against(capsys, EXPORTS / "openai_tokens.jsonl", "relay")[0] == 0


@pytest.mark.usefixtures("calls")
def test_the_same_file_is_kept_once_and_audited_once(capsys):
    against(capsys, ANTHROPIC)
    code, said = against(capsys, ANTHROPIC)
    assert code == 0
    assert said[0].startswith("This file was imported before, on 20")
    (kept,) = UsageImport.objects.all()
    assert (kept.kind, kept.days, kept.imported_by) == ("tokens", ["2026-11-16", "2026-11-17"], "command:reconcile")
    assert UsageRow.objects.count() == 2  # a day and model each; nothing on the second day
    event = AuditEvent.objects.get(kind="usage_import")
    assert (event.actor, event.verb, event.object_id) == ("command:reconcile", "created", str(kept.pk))
    assert event.detail == {"provider": "anthropic", "of": "tokens", "days": 2, "sha256": kept.sha256}


@pytest.mark.usefixtures("calls")
def test_of_two_exports_of_a_day_the_later_one_counts_and_both_stay(workflow, capsys, tmp_path):
    early = changed(tmp_path, ('"output_tokens": 500', '"output_tokens": 480'))
    assert against(capsys, early)[0] == 1
    assert against(capsys, ANTHROPIC)[0] == 0
    found = compare(workflow.project, "anthropic")
    assert (found.agrees, found.agreed_until) == (True, date(2026, 11, 17))
    assert UsageImport.objects.count() == 2


@pytest.mark.usefixtures("calls")
def test_a_file_that_is_imported_again_after_another_counts_again(capsys, tmp_path):
    wrong = changed(tmp_path, ('"output_tokens": 500', '"output_tokens": 480'))
    assert against(capsys, wrong)[0] == 1
    assert against(capsys, ANTHROPIC)[0] == 0
    code, said = against(capsys, wrong)
    assert (code, "output 500 against 480 (+20)" in said[0]) == (1, True)
    assert against(capsys, wrong)[1][0].startswith("This file was imported before")
    assert UsageImport.objects.count() == AuditEvent.objects.filter(kind="usage_import").count() == 3


def test_a_model_that_redaction_would_change_is_refused(workflow, tmp_path):
    file = changed(
        tmp_path,
        ('"model": "claude-haiku-4-5-20251001"', '"model": "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789"'),
    )
    with pytest.raises(Problem, match="is what this project redacts"):
        imports.keep(workflow.project, "anthropic", export.read(file), "user:rosa")
    assert not UsageImport.objects.exists()


def test_what_was_imported_is_never_changed(workflow):
    imports.keep(workflow.project, "anthropic", export.read(ANTHROPIC), "user:rosa")
    for change in (
        lambda: UsageImport.objects.update(sha256=""),
        lambda: UsageImport.objects.all()._raw_delete("default"),
        lambda: UsageRow.objects.update(output=0),
        lambda: UsageRow.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


@pytest.mark.usefixtures("calls")
def test_days_that_were_not_imported_end_what_agrees(workflow):
    text = ANTHROPIC.read_bytes()
    imports.keep(workflow.project, "anthropic", export.parse(text), "user:rosa")
    gap = text.replace(b"2026-11-18", b"2026-11-21").replace(b"2026-11-17T00:00:00Z", b"2026-11-20T00:00:00Z")
    gap = gap.replace(b"2026-11-20T00:00:00Z", b"2026-11-17T00:00:00Z", 1)
    imports.keep(workflow.project, "anthropic", export.parse(gap), "user:rosa")
    found = compare(workflow.project, "anthropic")
    assert [str(day) for day in found.days] == ["2026-11-16", "2026-11-17", "2026-11-20"]
    assert (found.agrees, found.agreed_until) == (True, date(2026, 11, 17))


@pytest.mark.usefixtures("calls")
def test_json_has_every_line_of_it(capsys):
    code, (text,) = against(capsys, ANTHROPIC, "anthropic", "--json")
    said = json.loads(text)
    assert code == 0
    assert said["new"] is True
    assert said["import"]["sha256"] == hashlib.sha256(ANTHROPIC.read_bytes()).hexdigest()
    assert said["lines"][0] == {
        "day": "2026-11-16",
        "model": "claude-haiku-4-5-20251001",
        "state": "matches",
        "ledger": {"input": 2200, "cache_read": 3000, "cache_write": 500, "output": 500},
        "provider": {"input": 2200, "cache_read": 3000, "cache_write": 500, "output": 500},
        "difference": {"input": 0, "cache_read": 0, "cache_write": 0, "output": 0},
    }
    assert said["tokens"]["ledger"] == {"input": 3200, "cache_read": 3000, "cache_write": 500, "output": 700}
    assert (said["agrees"], said["agreed_until"]) == (True, "2026-11-17")


def test_hours_are_added_up_to_days():
    results = json.loads(ANTHROPIC.read_text())["data"][0]["results"][1:2]
    hours = [datetime(2026, 11, 16, hour, tzinfo=UTC) for hour in range(24)]
    buckets = [
        {"starting_at": one.isoformat(), "ending_at": (one + timedelta(hours=1)).isoformat(), "results": results}
        for one in hours
    ]
    found = export.parse(json.dumps({"data": buckets, "has_more": False}).encode())
    assert found.days == [date(2026, 11, 16)]
    ((key, said),) = found.rows.items()
    assert key == (date(2026, 11, 16), "claude-opus-4-5-20251101")
    assert (said.input, said.output) == (14_400, 4_800)
    with pytest.raises(Problem, match="Of 2026-11-16 the file has 23 hours only"):
        export.parse(json.dumps({"data": buckets[1:]}).encode())


NEXT_DAY = '"starting_at": "2026-11-17T00:00:00Z", "ending_at": "2026-11-18T00:00:00Z"'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            [('"output_tokens": 500', '"output_tokens": -1')],
            "output_tokens is no count of tokens in the bucket from 2026",
        ),
        ([('"output_tokens": 500', '"output_tokens": 1.0')], "output_tokens is no count of tokens"),
        ([('"output_tokens": 500', '"output_tokens": true')], "output_tokens is no count of tokens"),
        ([('"output_tokens": 500', '"output_tokens": "5"')], "output_tokens is no count of tokens"),
        ([('"output_tokens": 500', '"output_tokens": NaN')], "NaN is not a JSON number"),
        ([('"output_tokens": 500', '"output_tokens": 1e999')], "too large for a number"),
        ([('"output_tokens": 500', '"output_tokens": 99999999999999999999')], "beyond"),
        ([('"output_tokens": 500,', "")], "output_tokens is no count of tokens .*: None"),
        ([('"cache_creation"', '"cache_made"')], "cache_creation is missing in the bucket"),
        ([('"model": "claude-haiku-4-5-20251001"', '"model": null')], "export with group_by model"),
        ([('"model": "claude-haiku-4-5-20251001"', '"model": "\\u001b[2J"')], "whose name nobody has"),
        ([('"uncached_input_tokens"', '"input"')], "mixes different|no shape that is known"),
        ([('"has_more": false', '"has_more": true')], "says that there are more"),
        ([(NEXT_DAY, NEXT_DAY.replace("-18", "-19"))], "goes over midnight"),
        ([(NEXT_DAY, NEXT_DAY.replace("-18T00", "-17T12"))], "Of 2026-11-17 the file has 12 hours only"),
        ([(NEXT_DAY, NEXT_DAY.replace("-18T", "-16T"))], "ends before it begins"),
        ([(NEXT_DAY, NEXT_DAY.replace("-17T", "-16T").replace("-18T", "-17T"))], "stands twice in the file"),
        ([(NEXT_DAY, NEXT_DAY.replace("-17T", "-16T12:").replace("-18T", "-17T"))], "starting_at of a bucket"),
        ([(NEXT_DAY, NEXT_DAY.replace("2026", "2099"))], "2099-11-17 is not over"),
        ([(NEXT_DAY, NEXT_DAY.replace("00:00Z", "00:00"))], "needs its offset"),
        ([('"results": []', '"results": {}')], "results is missing, or no list of objects"),
        ([('"data": [', '"rows": [')], "data is missing, or no list of objects. Expected is JSON"),
    ],
)
def test_a_hostile_file_is_refused_with_a_sentence(changes, said, tmp_path, workflow):
    with pytest.raises(Problem, match=said):
        export.read(changed(tmp_path, *changes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "There is nothing in the file. Expected is JSON as the API answers"),
        (b" \n", "There is nothing in the file"),
        ('{"data": []}'.encode("utf-16"), "The file is UTF-16: save it as UTF-8"),
        (b'{"data": [], "has_more": "true"}', "has_more of a page is neither true nor false"),
        (b'{"data": [], "has_more": false, "next_page": "page_2"}', "says that there are more"),
        (b"date,model,tokens\n2026-11-16,x,1\n", "The file is not JSON"),
        (b"[]", "There is nothing in the file"),
        (b"[1]", "A page of the file is no JSON object"),
        (b'{"data": []}', "No bucket of it has a result"),
        (b'{"data": [{"results": []}]}', "neither starting_at nor start_time"),
        (b'{"data": [{"start_time": 1e9, "end_time": 2, "results": []}]}', "start_time of a bucket is no time"),
        (b'{"data": [], "data": []}', "stands twice in one object"),
        (b"[" * 100, "Nested deeper than 32 levels"),
        (b'{"data": "\xff"}', "not UTF-8"),
        (b" " * 50_000_001, "larger than 50 MB"),
    ],
)
def test_what_is_no_export_is_refused_with_what_was_expected(content, said, tmp_path):
    file = tmp_path / "export.json"
    file.write_bytes(content)
    with pytest.raises(Problem, match=said):
        export.read(file)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"0.25"', "0.25", "no decimal string of cents"),
        ('"0.25"', '"NaN"', "no sum of money"),
        ('"0.25"', '"1e99"', "no sum of money"),
        ('"0.25"', '"a lot"', "no sum of money"),
        ('"0.25"', '"1_0"', "no sum of money"),
        ('"0.25"', '" 1"', "no sum of money"),
        ('"USD"', '"EUR"', "not in USD"),
    ],
)
def test_money_that_is_none_is_refused(before, after, said, tmp_path):
    with pytest.raises(Problem, match=said):
        export.read(changed(tmp_path, (before, after), of=EXPORTS / "anthropic_costs.json"))


def test_a_byte_order_mark_is_no_fault():
    text = ANTHROPIC.read_bytes()
    assert export.parse(b"\xef\xbb\xbf" + text).rows == export.parse(text).rows


def test_more_cached_than_read_is_refused(tmp_path):
    text = (EXPORTS / "openai_tokens.jsonl").read_bytes()
    with pytest.raises(Problem, match="Of 1000 input_tokens more than all are cached"):
        export.parse(text.replace(b'"input_cached_tokens": 800', b'"input_cached_tokens": 1001'))


def test_exports_that_are_mixed_are_refused():
    both = [json.loads((EXPORTS / name).read_text()) for name in ("anthropic_tokens.json", "anthropic_costs.json")]
    both[1]["data"] = both[1]["data"][:1]
    both[1]["data"][0] |= {"starting_at": "2026-11-15T00:00:00Z", "ending_at": "2026-11-16T00:00:00Z"}
    with pytest.raises(Problem, match="The file mixes different exports"):
        export.parse(json.dumps(both).encode())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--usage", str(ANTHROPIC), "--provider", "anthropic"], "name it with --project"),
        (["--project", "nobody", "--usage", str(ANTHROPIC), "--provider", "anthropic"], "There is no project 'nobody'"),
        (["--project", "alice", "--usage", str(ANTHROPIC)], "go together"),
        (["--project", "alice", "--provider", "anthropic"], "go together"),
        (["--tolerance", "3"], "is of a comparison with --usage"),
        (["--project", "alice", "--usage", str(ANTHROPIC), "--provider", "anthropic", "--rebuild"], "say one of them"),
        (["--project", "alice", "--usage", str(ANTHROPIC), "--provider", "gemini"], "has no such provider"),
        (["--project", "alice", "--usage", str(ANTHROPIC), "--provider", "scripted"], "scripted is simulated"),
        (["--project", "alice", "--usage", "/nowhere.json", "--provider", "anthropic"], "/nowhere.json cannot be read"),
        (["--project", "alice", "--usage", str(EXPORTS), "--provider", "anthropic"], "cannot be read: Is a directory"),
        (
            ["--project", "alice", "--usage", str(ANTHROPIC), "--provider", "anthropic", "--tolerance", "-1"],
            "0 or more",
        ),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(words, said, workflow):
    with pytest.raises(CommandError, match=said) as refused:
        call_command("reconcile", *words)
    assert refused.value.returncode == 2
    assert not UsageImport.objects.exists()


def test_a_refusal_is_one_object_of_json_too(workflow, capsys):
    with pytest.raises(CommandError):
        call_command("reconcile", "--project", "nobody", "--json")
    assert json.loads(capsys.readouterr().out) == {"error": "There is no project 'nobody'."}


@pytest.mark.runs("docs/reconciliation.md", "sh", "The ledger against a provider")
@pytest.mark.runs("docs/reconciliation.md", "text output", "The ledger against a provider")
def test_the_document_shows_what_the_command_says(capsys):
    execution = make_execution(make_measured_workflow(project=make_project("shop", tiers=REAL)))
    make_all_calls(execution, but=2)
    text = section(DOCS / "reconciliation.md", "The ledger against a provider")
    (_, command), (said,) = blocks(text, "sh"), blocks(text, "text")
    words = shlex.split(command.replace("anthropic.json", str(ANTHROPIC)).partition("manage.py ")[2])
    with pytest.raises(SystemExit):
        call_command(*words)
    assert capsys.readouterr().out == said
