"""The broker's truth, read whole or told as away, against a server that answers byte for byte."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.core.held import Position, Resting
from dispatcher.core.standing import Account, Asset, Quote
from dispatcher.ports import BrokerUnavailableError
from tests.dispatcher.cases import MONDAY, NOW, session
from tests.dispatcher.told import CALL, FOUND, HIGHER, HTML, SPREAD, TOLD, no
from tests.fakes.venue import Answer, Request, Venue

READS: Mapping[str, Callable[[AlpacaBroker], object]] = {
    "account": lambda broker: broker.account(),
    "clock": lambda broker: broker.clock(),
    "session": lambda broker: broker.session(MONDAY),
    "positions": lambda broker: broker.positions(),
    "resting": lambda broker: broker.resting(),
    "quotes": lambda broker: broker.quotes(("AAPL",)),
    "asset": lambda broker: broker.asset("AAPL"),
    "orders": lambda broker: broker.orders_since(NOW),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("answer", "retry"),
    [
        (Answer(500, no(50010000, "internal")), 2.0),
        (Answer(504, HTML), 2.0),
        (Answer(429, ""), 2.0),
        (Answer(401, no(None, "unauthorized.")), 60.0),
        (Answer(200, "{"), 2.0),
        (Answer(200, TOLD, cut=True), 2.0),
        (Answer(reset=True), 2.0),
    ],
    ids=str,
)
def test_a_truth_that_cannot_be_read_is_told_once_with_when_to_ask_again(
    server: Venue, broker: AlpacaBroker, read: str, answer: Answer, retry: float
) -> None:
    server.answering = lambda _: answer

    with pytest.raises(BrokerUnavailableError) as told:
        READS[read](broker)

    assert told.value.retry_seconds == retry
    assert len(server.requests) == 1


def answers(**documents: Any) -> Any:
    """Answer each path's last word with its document."""
    return lambda request: Answer(200, documents[request.path.rsplit("/", 1)[1]])


def test_the_brokers_truth_is_read_as_values(server: Venue, broker: AlpacaBroker) -> None:
    account = {"account_number": "PA3", "equity": "9", "last_equity": "8", "buying_power": "7", "status": "ACTIVE"}
    server.answering = answers(
        account=account,
        clock={"timestamp": "2026-11-23T10:00:00.5-05:00", "is_open": True},
        calendar=[
            {"date": "2026-11-20", "open": "1", "close": "2"},
            {"date": "2026-11-23", "open": "09:30", "close": "16:00"},
        ],
        positions=[{"symbol": "KO", "qty": "-10", "market_value": "-700"}],
        orders=[TOLD, TOLD | SPREAD],
        latest={"quotes": {"AAPL": {"bp": 199.98, "ap": 200.02, "t": "2026-11-23T15:00:00Z"}}},
        AAPL={"symbol": "AAPL", "tradable": True, "shortable": True, "borrow_status": "easy_to_borrow"},
    )

    assert [read(broker) for read in READS.values()] == [
        Account("PA3", Decimal(9), Decimal(8), Decimal(7), blocked=False),
        NOW + timedelta(seconds=0.5),
        session(),
        {"KO": Position(Decimal(-10), Decimal(-700))},
        (
            Resting(("AAPL",), buys=True, cost=Decimal(2_000)),
            Resting((CALL, HIGHER), buys=True, cost=Decimal(1_500)),
        ),
        {"AAPL": Quote(Decimal("199.98"), Decimal("200.02"))},
        Asset("AAPL", tradable=True, shortable=True),
        {"61e69015": FOUND, "2": broker.orders_since(NOW)["2"]},
    ]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_the_broker_does_not_know_is_none_and_no_failure(server: Venue, broker: AlpacaBroker, status: int) -> None:
    server.says(status, no(None, "no such thing"))

    assert (broker.quotes(("NOPE",)), broker.asset("NOPE")) == ({}, None)
    assert [each.path for each in server.requests] == ["/v2/stocks/quotes/latest", "/v2/assets/NOPE"]


def test_one_symbol_that_the_broker_does_not_know_takes_no_other_its_quote(server: Venue, broker: AlpacaBroker) -> None:
    told = {"quotes": {"AAPL": {"bp": 199.98, "ap": 200.02, "t": "2026-11-23T15:00:00Z"}}}
    unknown = Answer(400, no(None, "invalid symbol"))
    server.answering = lambda each: unknown if "NOPE" in each.query["symbols"] else Answer(200, told)

    assert broker.quotes(("AAPL", "NOPE")) == {"AAPL": Quote(Decimal("199.98"), Decimal("200.02"))}
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [204, 404, 422])
def test_a_cancellation_is_asked_for_and_an_ended_order_is_no_surprise(
    server: Venue, broker: AlpacaBroker, status: int
) -> None:
    server.says(status, "")

    broker.cancel("61e69015")

    assert [(each.method, each.path) for each in server.requests] == [("DELETE", "/v2/orders/61e69015")]


def test_every_page_of_orders_is_read(server: Venue, broker: AlpacaBroker) -> None:
    everything = [
        TOLD | {"id": f"order-{number}", "submitted_at": (NOW + timedelta(seconds=number)).isoformat()}
        for number in range(1, 1102)
    ]

    def page(request: Request) -> Answer:
        after = datetime.fromisoformat(request.query["after"])
        rest = [each for each in everything if datetime.fromisoformat(each["submitted_at"]) > after]
        return Answer(200, rest[: int(request.query["limit"])])

    server.answering = page

    found = broker.orders_since(NOW)

    assert sorted(found) == sorted(each["id"] for each in everything)
    assert [each.query["direction"] for each in server.requests] == ["asc", "asc", "asc"]


def test_of_the_orders_asked_for_what_took_their_place_is_told_and_no_other(
    server: Venue, broker: AlpacaBroker
) -> None:
    chain = [TOLD | {"id": "1", "replaced_by": "3"}, TOLD | {"id": "2"}, TOLD | {"id": "3", "replaced_by": "4"}]
    server.says(200, [*chain, TOLD | {"id": "4"}, {"id": "of somebody else"}])

    assert list(broker.orders_since(NOW, {"1"})) == ["1", "3", "4"]


def test_a_broker_that_repeats_its_last_page_is_not_asked_for_ever(server: Venue, broker: AlpacaBroker) -> None:
    server.says(200, [TOLD | {"id": f"order-{number}"} for number in range(500)])

    assert len(broker.orders_since(NOW)) == 500
    assert len(server.requests) == 2
