"""Chains and histories at the broker: every page of them, asked for in the broker's own terms."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.core.standing import Session
from dispatcher.option_ports import Window
from dispatcher.ports import BrokerUnavailableError
from tests.dispatcher.cases import MONDAY, session
from tests.dispatcher.told import CALL, HIGHER
from tests.fakes.venue import Answer, Request, Venue

PUT = CALL.replace("C0", "P0")
WINDOW = Window(MONDAY, date(2026, 12, 1), date(2026, 12, 31), Decimal("180.00"), Decimal("220.00"))
QUOTE = {"t": "2026-11-23T15:00:00Z", "bp": 4.9, "ap": 5.0, "bs": 1, "as": 1}
FRIDAY = Session(date(2026, 11, 20), session().opens, session().closes)


def pages(key: str, *parts: Any) -> Any:
    """Answer with one part after another, each naming the next."""

    def page(request: Request) -> Answer:
        number = int(request.query.get("page_token", 0))
        token = str(number + 1) if number + 1 < len(parts) else None
        return Answer(200, {key: parts[number], "next_page_token": token})

    return page


def by_path(**pages_of: Any) -> Any:
    """Answer each path by its last word."""
    return lambda request: pages_of[request.path.rsplit("/", 1)[1]](request)


def contract(symbol: str, **changes: Any) -> dict[str, Any]:
    return {"symbol": symbol, "tradable": True, "status": "active", "ppind": True, "open_interest": "500"} | changes


def test_every_page_of_a_chain_is_read_and_joined_with_its_contracts(server: Venue, broker: AlpacaBroker) -> None:
    server.answering = by_path(
        contracts=pages("option_contracts", [contract(CALL)], [contract(HIGHER, tradable=False)]),
        AAPL=pages("snapshots", {CALL: {"latestQuote": QUOTE}}, {HIGHER: {"latestQuote": QUOTE}}, {PUT: {}}),
    )

    found = {each.symbol: each for each in broker.chain("AAPL", WINDOW)}

    assert {symbol: each.tradable for symbol, each in found.items()} == {CALL: True, HIGHER: False, PUT: False}
    assert (found[CALL].open_interest, found[PUT].open_interest) == (500, None)
    assert len(server.requests) == 5
    assert {each.query["strike_price_gte"] for each in server.requests} == {"180.00"}


def test_contracts_are_listed_whether_they_have_ended_or_not(server: Venue, broker: AlpacaBroker) -> None:
    ended, active = (
        pages("option_contracts", [contract(CALL)], [contract(PUT)]),
        pages("option_contracts", [contract(HIGHER)]),
    )
    server.answering = lambda request: (ended if request.query["status"] == "inactive" else active)(request)

    assert broker.history().contracts("AAPL", WINDOW) == (CALL, PUT, HIGHER)
    assert {(each.query["underlying_symbols"], each.query["expiration_date_lte"]) for each in server.requests} == {
        ("AAPL", "2026-12-31")
    }


def test_closes_are_read_by_day_of_new_york_over_all_pages_and_from_both_hosts(
    server: Venue, broker: AlpacaBroker
) -> None:
    bars = pages(
        "bars",
        {CALL: [{"t": "2026-11-20T05:00:00Z", "c": 5.05}]},
        {CALL: [{"t": "2026-11-23T05:00:00Z", "c": 4.95}], PUT: [{"t": "2026-11-23T05:00:00Z", "c": 3}]},
    )
    stock = pages("bars", {"AAPL": [{"t": "2026-11-20T05:00:00Z", "c": 200.01}]})
    server.answering = lambda request: (stock if "/stocks/" in request.path else bars)(request)

    found = broker.history().closes(("AAPL", CALL, PUT, HIGHER), FRIDAY, session())

    assert found == {
        "AAPL": {FRIDAY.day: Decimal("200.01")},
        CALL: {FRIDAY.day: Decimal("5.05"), MONDAY: Decimal("4.95")},
        PUT: {MONDAY: Decimal(3)},
    }
    asked = server.requests[1].query
    assert (asked["timeframe"], asked["start"], asked["end"]) == (
        "1Day",
        "2026-11-20T00:00:00-05:00",
        "2026-11-23T16:00:00-05:00",
    )
    assert [each.query["symbols"] for each in server.requests] == ["AAPL", *[f"{CALL},{PUT},{HIGHER}"] * 2]


def test_no_more_contracts_are_asked_for_at_once_than_the_broker_takes(server: Venue, broker: AlpacaBroker) -> None:
    server.says(200, {"bars": {}, "next_page_token": None})
    symbols = tuple(f"AAPL261218C{strike:08d}" for strike in range(100_000, 250_000, 1_000))

    assert broker.history().closes(symbols, FRIDAY, session()) == {}
    assert [len(each.query["symbols"].split(",")) for each in server.requests] == [100, 50]


@pytest.mark.parametrize("bar", [{"c": 5}, {"t": "soon", "c": 5}, {"t": "2026-11-23T05:00:00Z", "c": None}, 5])
def test_a_bar_that_cannot_be_read_is_no_missing_day(server: Venue, broker: AlpacaBroker, bar: Any) -> None:
    server.says(200, {"bars": {CALL: [bar]}, "next_page_token": None})

    with pytest.raises(BrokerUnavailableError, match="bars: UnreadableAnswerError"):
        broker.history().closes((CALL,), FRIDAY, session())


def test_a_calendar_is_read_whole(server: Venue, broker: AlpacaBroker) -> None:
    server.says(200, [{"date": "2026-11-23", "open": "09:30", "close": "16:00"}])

    assert broker.history().sessions(MONDAY, MONDAY) == (session(),)
    server.says(200, [{"date": "today", "open": "09:30", "close": "16:00"}])
    with pytest.raises(BrokerUnavailableError, match=r"calendar\.date is not a day"):
        broker.history().sessions(MONDAY, MONDAY)
