"""What docs/shadows.md says of the draw is what is drawn."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.conf import settings

from shadows.drawing import is_drawn
from tests.test_docs import blocks, section


@pytest.mark.runs("docs/shadows.md", "python", "What is drawn")
def test_anybody_can_work_out_again_what_is_drawn():
    (block,) = blocks(section(settings.BASE / "docs" / "shadows.md", "What is drawn"), "python")
    told: dict = {}
    exec(block, told)
    for n in range(1_000):
        one = UUID(int=n * 7919)
        assert told["is_drawn"](str(one), "task", 0.05) is is_drawn(one, "task", Decimal("0.05"))
