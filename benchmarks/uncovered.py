"""How much of what a workflow does not cover is found without a model: CLINC150 and BANKING77.

    python -m benchmarks.uncovered DATA

DATA is a folder with `clinc150.jsonl.gz` and `banking77.jsonl.gz`, a JSON object with `text`, `intent` and `split` a line. A text
tool searches known messages, one text per intent; a code step computes how near the nearest is; an edge case flags what is too
far. The signal and its threshold are chosen on a validation part, the figures come from another. No model, no network.
"""

import collections
import gzip
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

SEED, SEEDS, LEFT_OUT = 6, 5, 15  # of BANKING77, so many intents are uncovered
ALLOWED = 0.05  # false escalation, on the validation part
PLAYED = 200  # messages through the whole engine
BATCH = 100  # messages in one visit of the sandbox
NAMES = ("score", "per_word", "margin", "margin_per_word")

SIGNALS = """
def signals(query, found):
    scores = [one['score'] for one in found] + [0, 0]
    words = len(set(re.findall(r'\\w+', query.lower()))) or 1
    margin = scores[0] - scores[1]
    return {'score': scores[0], 'per_word': scores[0] / words, 'margin': margin, 'margin_per_word': margin / words}
"""
ALL = SIGNALS + "\ndef run(input, steps):\n    return [signals(query, found) for query, found in input]\n"
ONE = SIGNALS + "\ndef run(input, steps):\n    return signals(input['message'], steps['nearest']['found'])\n"


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        _set_up(place)
        signal = _clinc(_rows(folder / "clinc150.jsonl.gz"))
        _banking(_rows(folder / "banking77.jsonl.gz"), signal)


def _set_up(place: str) -> None:
    os.environ.update(
        DATABASE_URL=f"sqlite:///{place}/db.sqlite3", BROKER_URL="", DJANGO_SETTINGS_MODULE="config.settings"
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _rows(file: Path) -> list[dict]:
    with gzip.open(file, "rt") as lines:
        return [json.loads(line) for line in lines]


def _clinc(rows: list[dict]) -> str:
    """Chooses the signal by the uncovered messages of the training part, and prints how it does on those of the other."""
    known = [row for row in rows if row["split"] == "train" and not row["oos"]]
    covered = [row["text"] for row in rows if row["split"] == "val" and not row["oos"]]
    strange = {part: [row["text"] for row in rows if row["split"] == part and row["oos"]] for part in ("train", "val")}
    random.Random(SEED).shuffle(covered)
    tool = text_tool("clinc", known)
    half = len(covered) // 2
    validation, held = signals(tool, covered[:half]), signals(tool, covered[half:])
    to_choose = signals(tool, strange["train"])
    found = {}
    for name in NAMES:
        limit = threshold([one[name] for one in validation])
        found[name] = sum(one[name] < limit for one in to_choose) / len(to_choose)
        print(f"CLINC150, validation: {name} below {limit:.4f} finds {found[name]:.4f} of {len(to_choose)}")
    signal = max(found, key=found.get)
    limit = threshold([one[signal] for one in validation])
    _say(f"CLINC150, held out, {signal} < {limit:.4f}", limit, signal, held, signals(tool, strange["val"]))
    _play(tool, signal, limit, covered[half:], strange["val"])
    return signal


def _banking(rows: list[dict], signal: str) -> None:
    """The signal is the one that CLINC150 chose; the threshold comes from half of the covered test messages."""
    intents, shares = sorted({row["intent"] for row in rows}), []
    for seed in range(SEEDS):
        rng = random.Random(seed)
        out = set(rng.sample(intents, LEFT_OUT))
        known = [row for row in rows if row["split"] == "train" and row["intent"] not in out]
        covered = [row["text"] for row in rows if row["split"] == "test" and row["intent"] not in out]
        strange = [row["text"] for row in rows if row["split"] == "test" and row["intent"] in out]
        rng.shuffle(covered)
        tool = text_tool(f"banking{seed}", known)
        half = len(covered) // 2
        limit = threshold([one[signal] for one in signals(tool, covered[:half])])
        held = signals(tool, covered[half:])
        shares.append(
            _say(f"BANKING77, seed {seed}, {signal} < {limit:.4f}", limit, signal, held, signals(tool, strange))
        )
    for name, values in zip(("false escalation", "recall"), zip(*shares, strict=True), strict=True):
        print(f"BANKING77, {name}: mean {sum(values) / SEEDS:.4f} ({min(values):.4f} to {max(values):.4f})")


def text_tool(name: str, known: Iterable[dict]) -> object:
    """A saved tool with a text for each intent: as many messages of each as the tool's limit has room for."""
    from projects.models import Tool
    from tests.cast import make_project
    from toolbox import search
    from toolbox.kinds import faults_of

    of = collections.defaultdict(list)
    for row in known:
        of[row["intent"]].append(row["text"])
    texts, many = [], max(map(len, of.values())) + 1
    while not texts or sum(len(one["title"]) + len(one["text"]) for one in texts) > search.MAX_KEPT:
        many -= 1
        texts = [{"title": key.replace("_", " "), "text": "\n".join(said[:many])} for key, said in of.items()]
    settings = {"mode": search.SEARCH, "phrases": [], "patterns": [], "fold_case": True, "whole_words": True}
    tool = Tool(project=make_project(name), name="known.messages", kind="text")
    tool.settings = {**settings, "texts": texts, "max_found": 2}
    if faults := faults_of(tool):
        raise ValueError(faults)
    tool.save()
    print(f"{name}: {len(texts)} texts of at most {many} messages")
    return tool


def signals(tool: object, messages: list[str]) -> list[dict[str, float]]:
    """What the tool and the code step make of each message."""
    from toolbox import search
    from workflows import sandbox

    call, made = search.build(tool), []
    for first in range(0, len(messages), BATCH):
        given = [[query, call(query=query)["found"]] for query in messages[first : first + BATCH]]
        said = sandbox.run(ALL, {"input": given, "steps": {}}, datetime(2026, 1, 1, tzinfo=UTC), "UTC")
        if isinstance(said, sandbox.Failure):
            raise RuntimeError(said.detail)
        made += said
    return made


def threshold(values: list[float]) -> float:
    """At most the allowed share of them lies below it."""
    return sorted(values)[int(ALLOWED * len(values))]


def _say(what: str, limit: float, signal: str, held: list[dict], strange: list[dict]) -> tuple[float, float]:
    from evaluations.statistics import wilson

    shares = []
    for name, given in (("false escalation", held), ("recall", strange)):
        count = sum(one[signal] < limit for one in given)
        shares.append(count / len(given))
        low, high = wilson(count, len(given))
        print(f"{what}: {name} {count} of {len(given)}, {shares[-1]:.4f} ({low:.4f} to {high:.4f})")
    return shares[0], shares[1]


def definition(signal: str, limit: float) -> dict:
    """The workflow that a designer would write; what it answers where it does is left out."""
    return {
        "title": "Known messages",
        "purpose": "Flag a message that is like none that is known.",
        "input_schema": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}},
        "edge_cases": [
            {
                "id": "unlike",
                "case": "The message is like none that is known",
                "when": f"steps['signal']['{signal}'] < {limit!r}",
                "handling": "escalate",
            }
        ],
        "steps": [
            {
                "id": "nearest",
                "kind": "tool",
                "tool": "known.messages",
                "arguments": {"query": "input['message']"},
            },
            {"id": "signal", "kind": "code", "code": ONE},
        ],
    }


def _play(tool: object, signal: str, limit: float, covered: list[str], strange: list[str]) -> None:
    rng = random.Random(SEED)
    messages = [one for part in (covered, strange) for one in rng.sample(part, PLAYED // 2)]
    flags = played(tool, definition(signal, limit), messages)
    expected = [one[signal] < limit for one in signals(tool, messages)]
    same = sum(a == b for a, b in zip(flags, expected, strict=True))
    print(f"through the engine: {sum(flags)} of {PLAYED} flagged, {same} as computed")


def played(tool: object, written: dict, messages: list[str]) -> list[bool]:
    """Whether each execution was flagged."""
    from executions import worker
    from executions.drivers import plain
    from executions.queue import submit
    from tests.cast import make_workflow

    workflow, found = make_workflow(written, project=tool.project, name="known"), []
    for message in messages:
        execution = submit(workflow.live.version, workflow.live, {"message": message}, actor="benchmark")
        plain.advance(execution.pk, worker.current())
        execution.refresh_from_db()
        found.append(execution.status == "escalated")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
