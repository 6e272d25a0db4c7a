"""Rows as bad as a table can hold, in the real table: the loop ends each of them and trades the next good one."""

from dataclasses import asdict

import pytest

from benchmarks.malformed import written
from dispatcher.core.reasons import Reason
from tests.dispatcher.services import serving
from tests.dispatcher.world import World

SAMPLE = 300
LATE = ("infinity", "20000-01-01 00:00:00+00")


@pytest.mark.world
def test_the_loop_with_its_real_parts_ends_every_row_and_trades_the_next_good_one(world: World) -> None:
    now = world.exchange.state()["now"]
    with world.connect() as connection:
        for number in range(SAMPLE):
            row = written(5, number)
            # What is more than a day old at the start is history, and would take those before it along.
            at = row.created_at if row.created_at in LATE else now
            columns = asdict(row) | {"created_at": at}
            names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
            statement = f"INSERT INTO dispatch_recommendations ({names}) VALUES ({marks})"
            connection.execute(statement.encode(), list(columns.values()))

    with serving(world) as log:
        log.until("reconcile_completed")
        good = world.recommend(ticker="MSFT", reason={}, confidence=0.9)
        log.until("order_accepted", recommendation_id=good)
        # The oldest is considered last of all: whoever has no time of its own comes after every other.
        last = world.recommend(ticker="ADBE", reason={}, created_at="2026-11-22T15:00:00Z")
        log.until("recommendation_refused", recommendation_id=last, reason="stale")

    claims = world.claims()
    unnamed = [
        claim
        for claim in claims.values()
        if claim["state"] == "refused" and not (claim["detail"] and claim["reason"] in set(Reason))
    ]
    assert (len(claims), unnamed) == (SAMPLE + 2, [])
    assert {claim["state"] for claim in claims.values()} <= {"refused", "accepted", "filled"}
