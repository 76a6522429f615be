"""A workflow on a file of inputs: what is refused, what is written, and that nothing is executed twice."""

import json
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from django.core.management import CommandError, call_command

from executions import files, worker
from executions.drivers import plain
from executions.files import FileError
from executions.models import Execution
from tests.cast import REFUND, envelope, make_workflow, models_answer
from tests.servers import free_port
from tests.test_service import ROOT, environment, service

STEPS = [{"id": "kind", "kind": "code", "code": "def run(input, steps):\n    return {'kind': input['message']}"}]
PLAIN = {**REFUND, "steps": STEPS, "edge_cases": [], "result": "steps['kind']"}


@pytest.fixture
def workflow(db):
    return make_workflow()


def written(folder, *lines):
    path = folder / "in.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def inputs(number):
    return [json.dumps({"message": f"A refund of {n}"}) for n in range(number)]


def begun(folder, workflow, *lines):
    return files.begin(written(folder, *lines), folder / "out.jsonl", workflow.live.version)


def submitted(work, workflow):
    return list(files.submit(work, workflow.live.version, workflow.live, actor="test"))


def results(work):
    return [json.loads(line) for line in work.result.read_text().splitlines()]


def test_each_line_has_its_result_in_its_place(tmp_path, workflow):
    models_answer({"user": "refund of 1", "text": envelope({"kind": "other"})}, {"text": envelope({"kind": "refund"})})
    work = begun(tmp_path, workflow, *inputs(3))
    assert submitted(work, workflow) == [3]
    assert files.at_work(files.standing(work)) == 3
    for pk in work.ids:
        plain.advance(pk, worker.current())
    files.write_result(work)
    assert [(one["line"], one["status"], one["output"]["kind"]) for one in results(work)] == [
        *((1, "completed", "refund"), (2, "completed", "other"), (3, "completed", "refund")),
    ]
    assert [one["id"] for one in results(work)] == [str(pk) for pk in work.ids]
    assert not work.plan.exists()


def test_what_was_interrupted_goes_on_and_nothing_is_accepted_twice(tmp_path, workflow, monkeypatch):
    monkeypatch.setattr(files, "AT_ONCE", 2)
    work = begun(tmp_path, workflow, *inputs(5))
    accepting = files.submit(work, workflow.live.version, workflow.live, actor="test")
    assert next(accepting) == 2
    accepting.close()
    again = begun(tmp_path, workflow, *inputs(5))
    assert again.ids == work.ids
    assert submitted(again, workflow) == [2, 4, 5]
    assert Execution.objects.count() == 5
    assert set(Execution.objects.values_list("pk", flat=True)) == set(work.ids)


def test_the_ids_stay_while_somebody_has_to_decide(tmp_path, workflow):
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    work = begun(tmp_path, workflow, *inputs(1))
    submitted(work, workflow)
    plain.advance(work.ids[0], worker.current())
    assert files.at_work(files.standing(work)) == 0
    files.write_result(work)
    assert (results(work)[0]["status"], work.plan.exists()) == ("escalated", True)
    Execution.objects.update(status="cancelled")
    files.write_result(begun(tmp_path, workflow, *inputs(1)))
    assert (results(work)[0]["status"], work.plan.exists()) == ("cancelled", False)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "has no line"),
        (("", ""), "has no line"),
        (('{"message": "a"}', "{"), "line 2:  Not JSON"),
        (('{"message": "a"}', '{"message": 3}', "[]"), "line 2: /message"),
        (('{"message": "a", "message": "b"}',), "stands twice"),
        (('{"message": NaN}',), "NaN is not a JSON number"),
    ],
)
def test_a_file_with_a_wrong_line_is_not_begun(tmp_path, workflow, lines, said):
    with pytest.raises(FileError) as raised:
        begun(tmp_path, workflow, *lines)
    assert said in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]


def test_another_file_does_not_go_on_with_these_ids(tmp_path, workflow):
    begun(tmp_path, workflow, *inputs(2))
    with pytest.raises(FileError, match="belongs to another input or version"):
        begun(tmp_path, workflow, *inputs(3))


def test_a_result_that_is_there_is_not_written_over(tmp_path, workflow):
    (tmp_path / "out.jsonl").write_text("precious")
    with pytest.raises(FileError, match="is there already"):
        begun(tmp_path, workflow, *inputs(1))
    with pytest.raises(FileError, match="cannot be read"):
        files.begin(tmp_path / "nothing.jsonl", tmp_path / "o.jsonl", workflow.live.version)


def test_the_command_is_killed_and_goes_on(tmp_path):
    """On a running service; the second one finds what the first one had accepted."""
    folder, port = tmp_path / "service", free_port()
    folder.mkdir()
    env = environment(folder)

    def manage(*words):
        return [sys.executable, "manage.py", *words]

    with service(folder, PORT=str(port)):
        made = manage("create_api_key", "--project", "shop")
        key = subprocess.run(made, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
        body = json.dumps({"name": "plain", "definition": PLAIN, "publish": True}).encode()
        _post(f"http://127.0.0.1:{port}/api/v1/workflows", key.strip(), body)
        source = written(tmp_path, *inputs(300))
        command = manage(
            "execute", "plain", "--project", "shop", "--input", str(source), "--output", str(tmp_path / "out.jsonl")
        )
        first = subprocess.Popen(command, cwd=ROOT, env=env)
        while not (tmp_path / "out.jsonl.ids").exists():
            assert first.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        first.send_signal(signal.SIGKILL)
        first.wait()
        done = subprocess.run(
            [*command, "--json"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
        )
    assert (done.stderr, json.loads(done.stdout)["by_status"]) == ("", {"completed": 300})
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [one["output"]["kind"] for one in lines] == [f"A refund of {n}" for n in range(300)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl", "service"]


def _post(url, key, body):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        assert answer.status == 201


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("refund", "--project", "nowhere"), "There is no project 'nowhere'"),
        (("nothing", "--project", "alice"), "has no workflow 'nothing'"),
        (("refund", "--project", "alice", "--workflow-version", "9.9.9"), "has no version '9.9.9'"),
    ],
)
def test_the_command_says_what_is_not_there(workflow, tmp_path, words, said):
    with pytest.raises(CommandError, match=said):
        call_command(
            "execute", *words, "--input", str(written(tmp_path, *inputs(1))), "--output", str(tmp_path / "out")
        )
