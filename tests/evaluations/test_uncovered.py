"""What a text search and a threshold find of what is not covered, on real messages (benchmarks/uncovered.py)."""

import gzip
import json

import pytest

from benchmarks.uncovered import definition, played, signals, text_tool, threshold
from tests.evaluations.recorded_data import DATA

CLINC = DATA / "clinc150.jsonl.gz"


def test_at_most_a_twentieth_of_the_validation_messages_lies_below_the_threshold():
    assert threshold([float(number) for number in range(100)]) == 5.0


@pytest.mark.skipif(not CLINC.exists(), reason="CLINC150 is not beside the checkout")
@pytest.mark.django_db
def test_executions_are_flagged_where_the_signal_lies_below_the_threshold():
    with gzip.open(CLINC, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    tool = text_tool(
        "few", [row for row in rows if row["split"] == "train" and row["intent"] in ("balance", "weather")]
    )
    messages = ["what is the balance of my account", "zebra quagga okapi"]

    found = [one["per_word"] for one in signals(tool, messages)]

    assert found[0] > 0.2 and found[1] == 0
    assert played(tool, definition("per_word", 0.2), messages) == [False, True]
