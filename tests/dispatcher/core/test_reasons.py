"""Every reason is given by somebody, and means something."""

import re
from pathlib import Path

import pytest

import dispatcher
from dispatcher.core.reasons import Reason

SOURCES = [path for path in Path(dispatcher.__path__[0]).rglob("*.py") if path.name != "reasons.py"]
GIVEN = {name for path in SOURCES for name in re.findall(r"\bReason\.([A-Z_]+)", path.read_text(encoding="utf-8"))}


def test_every_reason_is_given_by_some_code_and_no_other_is() -> None:
    assert set(Reason.__members__) == GIVEN


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_its_word_on_the_wire_and_has_a_meaning(reason: Reason) -> None:
    assert reason == reason.name.lower()
    assert reason.meaning.endswith(".")
