"""What halts an account by itself, each with real parts: exchange, database, control table, a dispatcher at work.

A halt cancels the entry that rests and leaves the legs that protect what is held; the table says who halted, and why.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.dispatcher.steered import Log, say, service
from tests.dispatcher.world import World

pytestmark = pytest.mark.world

RESTS = {"plan": {"entry": 150.0, "stop_loss": 145.0, "take_profit": 160.0, "quantity": 10}}
FILLS = {"plan": {"entry": 650.5, "stop_loss": 600.0, "take_profit": 700.0, "quantity": 10}}
MORE = {"plan": {"entry": 499.0, "stop_loss": 480.0, "take_profit": 520.0, "quantity": 1}}


@pytest.fixture
def trading(world: World, endpoint: str) -> Iterator[World]:
    """A world whose limits are soon reached, in an account that may trade."""
    say(endpoint, "trading", "resume", "large", "--why", "the drill begins")
    world.limits = replace(
        world.limits,
        max_daily_loss=Decimal(50),
        halt_after_rejections=2,
        halt_after_unknown_seconds=2,
        max_standing_age_seconds=2,
        symbol_cooldown_minutes=0,
    )
    yield world
    say(endpoint, "trading", "resume", "large", "--why", "the drill is over")


def opened(world: World, log: Log) -> tuple[int, int]:
    """One entry that rests and one that is filled and protected."""
    log.until("reconcile_completed")
    resting = world.recommend(reason=RESTS)
    log.until("order_accepted", recommendation_id=resting)
    held = world.recommend(ticker="ADBE", reason=FILLS)
    log.until("execution_recorded", recommendation_id=held, status="EXECUTED")
    return resting, held


def protected(world: World) -> list[tuple[str, str]]:
    """The legs at the exchange that are still to protect what is held, by role."""
    orders: Any = world.exchange.state()["orders"]
    entries = {each["id"] for each in orders if each["parent"] is None and each["status"] == "filled"}
    return sorted((each["role"], each["status"]) for each in orders if each["parent"] in entries)


def halted(world: World, endpoint: str, log: Log, resting: int) -> str:
    """Why the account halted: the entry that rested is cancelled, and the table says so for everyone."""
    said = log.until("trading_state_changed", state="HALTED")
    log.until("order_updated", recommendation_id=resting, state="canceled")
    told = say(endpoint, "trading", "show", "large")["trading"]["large"]
    refused = world.recommend(ticker="SNDL", reason={})
    log.until("recommendation_refused", recommendation_id=refused, reason="trading_halted")

    assert (told["state"], told["by"]) == ("HALTED", "dispatcher")
    assert said["why"] == f"{told['why']} (by dispatcher)"
    return str(told["why"])


def test_a_daily_loss_halts_though_nothing_is_recommended(trading: World, endpoint: str) -> None:
    with service(trading, endpoint) as log:
        resting, _ = opened(trading, log)
        before = protected(trading)
        trading.exchange.quotes({"ADBE": {"bid": "640.10", "ask": "640.30"}})
        why = halted(trading, endpoint, log, resting)

    assert why.startswith("daily loss $10")
    assert why.endswith("limit $50.00")
    assert protected(trading) == before
    assert [role for role, _ in before] == ["stop_loss", "take_profit"]


def test_repeated_rejections_halt(trading: World, endpoint: str) -> None:
    with service(trading, endpoint) as log:
        resting, _ = opened(trading, log)
        before = protected(trading)
        trading.exchange.assets({"MSFT": {"tradable": False}})
        for _ in range(2):
            number = trading.recommend(ticker="MSFT", reason=MORE)
            log.until("order_rejected", recommendation_id=number)
        why = halted(trading, endpoint, log, resting)

    assert why.startswith("2 rejections by the broker within 0:10:00; the last: ")
    assert protected(trading) == before


def test_an_order_that_nobody_knows_about_for_too_long_halts(trading: World, endpoint: str) -> None:
    with service(trading, endpoint) as log:
        resting, _ = opened(trading, log)
        before = protected(trading)
        trading.exchange.fault(route="POST /v2/orders", kind="drop-before")
        trading.exchange.fault(route="GET /v2/orders:by_client_order_id", kind="500", times=0)
        lost = trading.recommend(ticker="MSFT", reason=MORE)
        doubtful = log.until("order_unknown", recommendation_id=lost)
        why = halted(trading, endpoint, log, resting)

    assert why.startswith(f"order {doubtful['client_order_id']} unknown for ")
    assert protected(trading) == before
    assert trading.claims()[lost]["state"] == "unknown"


def test_an_order_in_the_books_that_the_broker_does_not_know_halts(trading: World, endpoint: str) -> None:
    with service(trading, endpoint) as log:
        log.until("reconcile_completed")
        resting = trading.recommend(reason=RESTS)
        accepted = log.until("order_accepted", recommendation_id=resting)
        trading.exchange.reset()
        said = log.until("trading_state_changed", state="HALTED")

    assert said["why"].startswith(f"order {accepted['client_order_id']} is accepted in the books, and the broker")


def test_an_order_at_the_broker_that_the_books_do_not_know_halts(trading: World, endpoint: str) -> None:
    with service(trading, endpoint) as log:
        resting, held = opened(trading, log)
    before = protected(trading)
    with trading.connect() as connection:  # as books that were put back to what they were an hour ago
        for table, column in (
            ("executions", "recommendation_id"),
            ("claims", "recommendation_id"),
            ("recommendations", "id"),
        ):
            connection.execute(f"DELETE FROM dispatch_{table} WHERE {column} = {held}".encode())
    with service(trading, endpoint) as log:
        why = halted(trading, endpoint, log, resting)

    assert why.endswith("and the books know of none for that recommendation")
    assert protected(trading) == before
