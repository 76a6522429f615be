"""Is this covered? Pure: what was observed of a model's answer goes in, what was found wrong with it comes out.

Each detector stands alone, so that taking one away is one line and a test can show what slips through without it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.types import Completion, Stop
from wire.problems import Fault
from workflows.definition import EdgeCase
from workflows.envelope import BrokenEnvelope, Envelope, parse


@dataclass(frozen=True)
class Finding:
    """Why an answer, or an execution, is not simply taken. `keeps`: the answer is there and a person may still take it."""

    reason: str
    detector: str
    explanation: str
    edge_case: str = ""
    keeps: bool = False

    @property
    def repairable(self) -> bool:
        """Broken structure or a failed check: the model is told once what was wrong."""
        return self.reason in ("invalid_output", "check_failed")

    @property
    def only_for_people(self) -> bool:
        return self.reason in ("code_error", "in_doubt", "budget")


@dataclass(frozen=True)
class Observation:
    """What there is to judge of one answer. `complaints`: the messages of the checks that failed. `leak`: where it recites
    what its model was told."""

    completion: Completion
    envelope: Envelope | None
    broken: str = ""
    output_faults: Sequence[Fault] = ()
    complaints: Sequence[str] = ()
    leak: str = ""
    min_confidence: float = 0.0
    edge_cases: Sequence[EdgeCase] = ()


def read(completion: Completion, escalating: Sequence[str]) -> tuple[Envelope | None, str]:
    """The envelope in a completion, or what is wrong with it."""
    try:
        return parse(completion.text, escalating), ""
    except BrokenEnvelope as broken:
        return None, str(broken)


def by_provider(seen: Observation) -> Finding | None:
    if seen.completion.stop == Stop.REFUSAL:
        return Finding("refused", "provider", "The model refused to answer.")
    return None


def broken_schema(what: str, faults: Sequence[Fault]) -> Finding:
    """That a value does not follow its schema: where, and what is wrong there."""
    listed = "; ".join(f"{fault.pointer or 'as a whole'}: {fault.detail}" for fault in faults[:5])
    return Finding("invalid_output", "schema", f"{what}: {listed}")


def by_schema(seen: Observation) -> Finding | None:
    if seen.completion.stop == Stop.MAX_TOKENS:
        return Finding("invalid_output", "schema", "The answer was cut at its maximum length.")
    if seen.completion.stop == Stop.OTHER:
        why = f": the provider calls it `{seen.completion.stopped_for}`" if seen.completion.stopped_for else ""
        return Finding("invalid_output", "schema", f"The answer stopped before its end{why}.")
    if seen.envelope is None:
        return Finding("invalid_output", "schema", f"The answer is not in the agreed form: {seen.broken}")
    if seen.output_faults:
        return broken_schema("The output does not follow the step's schema", seen.output_faults)
    return None


def by_self_report(seen: Observation) -> Finding | None:
    if seen.envelope and seen.envelope.status == "uncovered":
        return Finding(
            "uncovered", "self_report", f"The model says that this is not covered: {seen.envelope.uncovered}"
        )
    return None


def by_edge_case(seen: Observation) -> Finding | None:
    if not seen.envelope or seen.envelope.status != "escalate":
        return None
    met = next((case for case in seen.edge_cases if case.id == seen.envelope.edge_case), None)
    text = met.case if met else seen.envelope.edge_case
    return Finding("rule", "edge_case", f"The design escalates this case: {text}", seen.envelope.edge_case or "")


def by_leak(seen: Observation) -> Finding | None:
    """Before the checks, and naming theirs too: whoever dismisses this flag takes the output with all that is wrong."""
    if seen.leak:
        return Finding("check_failed", "leak", " ".join([seen.leak, *seen.complaints]), keeps=True)
    return None


def by_check(seen: Observation) -> Finding | None:
    if seen.complaints:
        return Finding("check_failed", "check", " ".join(seen.complaints), keeps=True)
    return None


def by_confidence(seen: Observation) -> Finding | None:
    if seen.envelope and seen.envelope.confidence < seen.min_confidence:
        said = (
            f"The model's confidence is {seen.envelope.confidence:.2f}; this step asks for {seen.min_confidence:.2f}."
        )
        return Finding("low_confidence", "confidence", said, keeps=True)
    return None


Detector = Callable[[Observation], Finding | None]
DETECTORS: tuple[Detector, ...] = (
    *(by_provider, by_schema, by_self_report, by_edge_case),
    *(by_leak, by_check, by_confidence),
)


def find(seen: Observation, detectors: Iterable[Detector] | None = None) -> Finding | None:
    """The first finding, in the order in which the detectors stand; None: covered."""
    found = (detector(seen) for detector in (DETECTORS if detectors is None else detectors))
    return next((finding for finding in found if finding), None)
