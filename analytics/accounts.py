"""Which figure of a balance a call's cost stands in: a column that calls and their cells have, computed by the database.

A call in doubt, whatever it was for, stands apart together with the row that corrects it: both add up to the truth. What a trial
or an evaluation costs is money that tests a version, so it is evaluation: as execution cost it would make the published one look
dearer than it is, and it completes nothing that all-frontier would have had to pay.
"""

from django.db.models import Case, CharField, Value, When

from gateway.types import Purpose

ACCOUNTS = {
    Purpose.DESIGN: "design_measured",
    Purpose.REDESIGN: "design_measured",
    Purpose.EVALUATION: "evaluation_cost",
    Purpose.JUDGE: "evaluation_cost",
    Purpose.SHADOW: "shadow_cost",
}
# Of rows with `doubted`, `purpose` and `trial`, as `contributions` describes calls and `CallCell` keeps them.
ACCOUNT = Case(
    When(doubted=True, then=Value("in_doubt_cost")),
    *(When(purpose=purpose, then=Value(account)) for purpose, account in ACCOUNTS.items()),
    When(trial=True, then=Value("evaluation_cost")),
    default=Value("execution_cost"),
    output_field=CharField(),
)
