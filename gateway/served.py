"""Whether the model that answered is the model that was planned. The gateway asks this of every completion."""

import re
from collections.abc import Mapping

from .prices import same_entry

_DATE = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2}|\d{4})$")  # -20251001, -2024-08-06, -0613


def is_same_model(planned: str, served: str, price_list: str, aliases: Mapping[str, str]) -> bool:
    """True when the ids are equal, the served id is the planned one plus a date, both are one entry of the price list,
    or the provider's row declares it (`aliases`: planned id → served id). Two different dates are two models.
    """
    if planned == served or aliases.get(planned) == served:
        return True
    if served.startswith(planned) and _DATE.fullmatch(served, len(planned)):
        return True
    dates = {_date(planned), _date(served)} - {None}
    return len(dates) < 2 and same_entry(price_list, planned, served)


def _date(model: str) -> str | None:
    """The date at the end of an id, digits only: `2024-08-06` and `20240806` are the same day."""
    found = _DATE.search(model)
    return found[1].replace("-", "") if found else None
