"""What PostgreSQL can hold and Python cannot is claimed, refused and never met again."""

import json
from typing import Any

import pytest

from dispatcher.adapters import wire
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import read
from dispatcher.ports import Weighed
from tests.dispatcher.books import REFUSED, Books, claimed, intended
from tests.dispatcher.cases import NOW

pytestmark = pytest.mark.world

DEEP = "[" * 5_000 + "]" * 5_000
POISON: dict[str, tuple[str, str]] = {
    "a time that never comes": ("created_at", "'infinity'"),
    "a time before all times": ("created_at", "'-infinity'"),
    "a time beyond the calendar": ("created_at", "'20000-01-01 00:00:00+00'"),
    "a time before Christ": ("created_at", "'0044-03-15 12:00:00+00 BC'"),
    "a column of another's": ("ts", "'infinity'"),
    "a number of five thousand digits": ("reason", """'{"plan": {"entry": 1e5000}}'"""),
    "a number beyond all bounds": ("features_snapshot", """'{"vol_ratio": 1e100000}'"""),
    "a number too small to matter": ("reason", """'{"plan": {"entry": 1e-16000}}'"""),
    "brackets five thousand deep": ("reason", f"'{DEEP}'"),
    "a confidence that is no number": ("confidence", "'NaN'"),
}


@pytest.mark.parametrize("poison", POISON)
def test_a_poisonous_row_is_claimed_and_ended_and_the_next_one_follows(books: Books, poison: str) -> None:
    column, value = POISON[poison]
    poisonous = books.recommend()
    books.run(f"UPDATE dispatch_recommendations SET {column} = {value}")
    good = books.recommend(confidence=0.1)
    ledger = books.ledger()
    seen: dict[int, Any] = {}

    for _ in range(2):
        claim = claimed(ledger)
        seen[claim.recommendation_id] = read(claim.row)
        ledger.refuse(claim.recommendation_id, REFUSED, Weighed(), NOW)

    assert set(seen) == {poisonous, good}
    assert not isinstance(seen[good], Refusal)
    if column != "ts" and poison != "a number too small to matter":
        assert isinstance(seen[poisonous], Refusal)
        assert seen[poisonous].reason is Reason.MALFORMED
        assert len(seen[poisonous].detail) < 200


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
def test_the_newest_input_is_told_or_unknown_whatever_time_it_carries(books: Books, moment: str) -> None:
    books.recommend()
    books.run("UPDATE dispatch_recommendations SET created_at = %s::timestamptz", moment)

    assert books.ledger().newest_input() is None


@pytest.mark.parametrize("text", ["a NUL \x00 in it", "half a pair \ud800", "x" * 100_000])
def test_words_of_the_broker_that_a_database_cannot_hold_are_booked_all_the_same(books: Books, text: str) -> None:
    from_wire = f'{{"message": {_json(text)}, "hint": {_json(text)}, "number": NaN}}'
    ledger = books.ledger()
    for _ in range(2):
        books.recommend()
    rejected, _ = intended(ledger)
    doubted, _ = intended(ledger)

    ledger.reject(rejected.recommendation_id, wire.rejection(422, from_wire), NOW)
    ledger.doubt(doubted.recommendation_id, text.replace("\x00", " ").encode("ascii", "replace").decode(), NOW)

    assert [books.state(each.recommendation_id) for each in (rejected, doubted)] == ["rejected", "unknown"]


def _json(text: str) -> str:
    return json.dumps(text)
