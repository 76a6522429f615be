"""What every worker does once a round beside executing; each is short, and does no harm when several do it at once."""

from executions.working import Duty

DUTIES: tuple[Duty, ...] = ()
