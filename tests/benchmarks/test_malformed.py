"""Rows as bad as a table can hold: the core refuses each by name. The real parts: tests/dispatcher/test_bad_rows.py."""

import pytest

from benchmarks import malformed
from benchmarks.malformed import NAMES_NO_FIELD, declared, ended, written
from dispatcher.core.reasons import Reason, Refusal


def test_each_of_many_rows_ends_as_an_order_or_as_a_refusal_that_names_a_field_or_a_gate() -> None:
    limits = declared()
    endings = {ended(written(3, number), number, limits) for number in range(3_000)}

    assert endings >= {"order", "malformed", "bracket_crossed", "stale", "confidence_too_low"}
    assert endings <= {"order", *(reason.value for reason in Reason)}


def test_a_row_depends_on_seed_and_number_alone() -> None:
    assert written(3, 17) == written(3, 17)
    assert written(3, 17) != written(4, 17)


def test_a_refusal_that_names_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(malformed, "read", lambda _: Refusal(Reason.MALFORMED, "something is wrong"))

    assert malformed.main(["--rows", "3"]) == 1
    assert f"row 2: {NAMES_NO_FIELD}; again: python -m benchmarks.malformed --seed 1 --only-row 2" in (
        capsys.readouterr().out
    )
