"""Did an execution follow its workflow, what was unexpected, should the workflow change (seed 001). Pure, on rows that whoever
asks has loaded."""

from collections.abc import Sequence

from .models import Execution, Flag, Report, Status, StepResult

BY_DESIGN = (Flag.Reason.RULE, Flag.Reason.REVIEW, Flag.Reason.SPOT_CHECK)  # nothing was unexpected
NO_GAP = (Flag.Reason.BUDGET, Flag.Reason.IN_DOUBT)  # unexpected, and no definition could have known
DESIGNED = (*BY_DESIGN, *NO_GAP)  # what no redesign can mend
REPAIRED = (StepResult.Status.REJECTED, StepResult.Status.SUPERSEDED)


def tracking(
    execution: Execution, steps: Sequence[StepResult], flags: Sequence[Flag], report: Report | None = None
) -> dict:
    """`{followed, unexpected, update_suggested}`."""
    met = [flag for flag in flags if flag.reason not in BY_DESIGN and not _is_false_alarm(flag)]
    gaps = [flag for flag in met if flag.reason not in NO_GAP and _asks_for_a_change(flag)]
    repairs = [row for row in steps if row.status in REPAIRED]
    said = [*(report.unexpected if report else ()), *(one.explanation for one in (*repairs, *met))]
    wrong = bool(gaps) or execution.judged_right is False
    return {
        "followed": report.followed if report else _followed(execution, deviations=len(met) + len(repairs)),
        "unexpected": [text for text in dict.fromkeys(said) if text],
        "update_suggested": wrong or bool(report and report.update_suggested),
    }


def _followed(execution: Execution, deviations: int) -> bool | None:
    """Unknown until there is an answer."""
    return not deviations if execution.status == Status.COMPLETED else None


def _is_false_alarm(flag: Flag) -> bool:
    """The step's own answer was taken after all."""
    return flag.state == Flag.State.DISMISSED and not flag.answered_by


def _asks_for_a_change(flag: Flag) -> bool:
    """What was wrong outside of the workflow and has been mended asks for none."""
    return flag.state != Flag.State.DISMISSED and flag.resolution != Flag.Resolution.RETRY
