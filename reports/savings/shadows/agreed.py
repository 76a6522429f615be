"""The sentence of the page of shadows, what a shadow is, and what has to be known of its figures."""

from analytics.agreement import Agreement
from analytics.shadowed import FEWEST
from shadows.models import Subject

from ...charts.agreeing import rated
from ...numbers import count, fine

WHAT = {
    Subject.WORKFLOW: (
        "A shadow is a completed execution that was run once more, with every model step on the frontier model; nobody sees its "
        "answer, and nothing happens because of it. That both agree says how often the frontier says the same, and not which of "
        "the two is right."
    ),
    Subject.TASK: (
        "A shadow is the task of a completed execution, done once more in one call to the frontier model and without the workflow; "
        "nobody sees its answer, and nothing happens because of it. That both agree says how often the frontier says the same, and "
        "not which of the two is right."
    ),
}
OF = {Subject.WORKFLOW: "the workflow", Subject.TASK: "the task"}


def sentence(found: Agreement) -> str:
    """`Of 82 executions that were run again on claude-opus-4-5, 97.6% (91.5–99.3) came to the same result; …`"""
    n, subject = found.measured.n, OF[found.measured.subject]
    if not n:
        ever = found.extent.since is None and found.extent.until is None
        return f"There is no shadow of {subject} {'yet' if ever else 'in these days'}."
    if found.missing:
        some = "1 shadow" if n == 1 else f"{n} shadows"
        return f"{some} of {subject} so far: too few to say how often both agree, or what the frontier would cost."
    return f"{_agrees(found)}{_cost(found)}."


def _were(n: int) -> str:
    return "1 execution was" if n == 1 else f"{count(n)} executions were"


def _agrees(found: Agreement) -> str:
    n, share = found.measured.n, found.share
    where = f"run again on {model_of(found)}"
    if not share.compared:
        return f"{_were(n)} {where}, and none was compared"
    compared = f", {count(share.compared)} were compared" if share.compared < n else ""
    if not share.says:
        return f"Of {count(n)} executions that were {where}{compared}, too few to say how often both agree"
    came = f"{rated(share)} came to the same result"
    return f"Of {count(n)} executions that were {where}{f'{compared} and' if compared else ','} {came}"


def model_of(found: Agreement) -> str:
    """Without its provider, and in one piece: a line that breaks at one of its hyphens makes a number of its end."""
    name = (found.measured.model or "").partition(":")[2]
    return name.replace("-", "\N{NON-BREAKING HYPHEN}") or "the frontier model"


def _cost(found: Agreement) -> str:
    if found.there is None:
        return ""
    ends = found.there_interval
    between = f" ({fine(ends[0]).removesuffix(' USD')}–{fine(ends[1]).removesuffix(' USD')})" if ends else ""
    here = f"{fine(found.here)} here" if found.here is not None else "here nobody knows, because calls have no price"
    return f"; one costs {fine(found.there)} there{between} and {here}"


def labels(found: Agreement) -> list[tuple[str, str]]:
    """Each a word, and why."""
    told, measured = [], found.measured
    if found.extent.simulated and measured.n:
        told.append(("simulated", "scripted models answered: a story, and no evidence"))
    if measured.n and not found.missing and measured.borrowed:
        told.append(
            (
                "borrowed",
                f"{count(measured.borrowed)} of {count(found.completed)} completed executions are of a version, with or without a "
                "flag, that has no shadow: they count at the mean of others",
            )
        )
    if none := measured.n - measured.compared:
        told.append(
            (
                "not compared",
                f"{count(none)} of {count(measured.n)}: only a judge is stated, which a shadow does not ask, or the texts were "
                "deleted before; what they cost counts",
            )
        )
    return told


def missing(found: Agreement) -> str:
    """What is not claimed yet; empty where there are enough."""
    if not found.missing:
        return ""
    more = "1 more shadow is" if found.missing == 1 else f"{found.missing} more shadows are"
    return (
        f"{more} missing: there are {found.measured.n}, and below {FEWEST} nothing is claimed of agreement or of costs."
    )
