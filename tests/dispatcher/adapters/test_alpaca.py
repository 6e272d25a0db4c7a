"""One POST for one order, and one meaning for each answer, against a server that answers byte for byte."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from requests import Session

from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.core.outcome import Absent, Accepted, Duplicate, NotSent, Outcome, Rejected, Throttled, Unknown
from dispatcher.ports import BrokerUnavailableError
from tests.dispatcher.cases import order
from tests.dispatcher.told import FOUND, HTML, KEY, SECRET, TOLD, connected, no
from tests.fakes.venue import Answer, Venue, venue


def test_the_private_names_of_the_sdk_that_are_set_exist_and_do_what_they_did() -> None:
    fresh = TradingClient("key", "secret")

    assert (fresh._retry, fresh._retry_codes, type(fresh._session)) == (3, [429, 504], Session)
    assert {"http://", "https://"} <= set(fresh._session.adapters)
    fresh._session.close()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, TOLD), Accepted(FOUND)),
        (Answer(201, TOLD), Accepted(FOUND)),
        (Answer(504, HTML), Unknown("HTTP 504: 502 Bad Gateway 502 Bad Gateway")),
        (Answer(502, HTML), Unknown("HTTP 502: 502 Bad Gateway 502 Bad Gateway")),
        (Answer(503, ""), Unknown("HTTP 503: ")),
        (Answer(500, no(50010000, "oops")), Unknown('HTTP 500: {"code": 50010000, "message": "oops"}')),
        (Answer(429, no(42910000, "too many requests.")), Throttled(2.0)),
        (Answer(429, no(None, "too many requests.")), Throttled(2.0)),
        (Answer(429, ""), Throttled(2.0)),
        (Answer(400, no(40010001, "bad")), Rejected(400, 40010001, "bad", {})),
        (Answer(401, no(None, "unauthorized.")), Rejected(401, None, "unauthorized.", {})),
        (Answer(404, no(40410000, "endpoint not found")), Rejected(404, 40410000, "endpoint not found", {})),
        (
            Answer(403, no(40310000, "insufficient buying power", buying_power="5", cost_basis="9")),
            Rejected(403, 40310000, "insufficient buying power", {"buying_power": "5", "cost_basis": "9"}),
        ),
        (
            Answer(422, no(42210000, "invalid limit_price 290.123. sub-penny increment")),
            Rejected(422, 42210000, "invalid limit_price 290.123. sub-penny increment", {}),
        ),
        (Answer(403, "Forbidden"), Rejected(403, None, "Forbidden", {})),
        (Answer(403, {"code": "40310000", "message": "x"}), Rejected(403, None, "x", {})),
        (Answer(403, ["not", "an object"]), Rejected(403, None, '["not", "an object"]', {})),
        (Answer(422, no(40010001, "client_order_id must be unique")), Duplicate()),
        (Answer(422, no(42210000, "client_order_id must be unique")), Rejected),
        (
            Answer(422, no(40010001, "client_order_id must be no more than 128 characters")),
            Rejected(422, 40010001, "client_order_id must be no more than 128 characters", {}),
        ),
        (Answer(409, no(None, "conflict")), Unknown),
        (Answer(307, "", {"Location": "/elsewhere"}), Unknown),
        (Answer(200, ""), Unknown("unreadable answer: NoneType where an object was expected")),
        (Answer(200, '{"id": "61e6'), Unknown),
        (Answer(200, TOLD, cut=True), Unknown),
        (Answer(200, {"message": "ok"}), Unknown("unreadable answer: id is missing")),
        (Answer(200, [TOLD]), Unknown("unreadable answer: list where an object was expected")),
        (Answer(reset=True), Unknown),
    ],
    ids=str,
)
def test_an_order_is_sent_once_and_its_answer_has_one_meaning(
    server: Venue, broker: AlpacaBroker, answer: Answer, outcome: Outcome | type[Outcome]
) -> None:
    server.answering = lambda _: answer

    concluded = broker.submit(order())

    assert concluded == outcome or type(concluded) is outcome
    assert [(each.method, each.path, each.body) for each in server.requests] == [
        ("POST", "/v2/orders", order().payload())
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "pondering"},
        {"submitted_at": None},
        {"qty": None, "limit_price": None, "symbol": None, "side": None},
        {"legs": None, "order_class": "pyramid", "asset_class": 7},
    ],
)
def test_an_order_with_an_id_is_accepted_whatever_else_is_new_or_missing(
    server: Venue, broker: AlpacaBroker, change: dict[str, Any]
) -> None:
    server.says(200, TOLD | change)

    accepted = broker.submit(order())

    assert isinstance(accepted, Accepted)
    assert (accepted.order.id, accepted.order.status) == ("61e69015", change.get("status", "pending_new"))


def test_an_order_that_hangs_is_unknown_after_the_timeout_and_was_sent_once(server: Venue) -> None:
    server.answering = lambda _: Answer(hang=True)
    with connected(server.url, timeouts=(1.0, 0.1)) as broker:
        outcome = broker.submit(order())

    assert isinstance(outcome, Unknown)
    assert "Read timed out" in outcome.why
    assert len(server.requests) == 1


def test_where_nothing_listens_nothing_was_sent() -> None:
    with venue() as gone:
        pass
    with connected(gone.url) as broker:
        outcome = broker.submit(order())

    assert isinstance(outcome, NotSent)


def test_every_price_goes_out_as_text_and_the_id_is_ours(server: Venue, broker: AlpacaBroker) -> None:
    server.says(200, TOLD)
    broker.submit(order())

    assert server.requests[0].body == order().payload()


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        ("1795446010", 11.0),
        ("1795446000", 2.0),
        ("1795449999", 60.0),
        ("soon", 2.0),
        ("", 2.0),
    ],
)
def test_a_throttled_order_waits_for_the_reset_of_the_brokers_own_clock(
    server: Venue, broker: AlpacaBroker, reset: str, wait: float
) -> None:
    served = datetime.fromtimestamp(1_795_446_000, UTC)
    headers = {"X-RateLimit-Reset": reset, "Date": f"{served:%a, %d %b %Y %H:%M:%S GMT}"}
    server.says(429, no(None, "too many requests."), headers=headers)

    assert broker.submit(order()) == Throttled(wait)


def test_a_throttled_order_without_a_readable_date_waits_a_little(server: Venue, broker: AlpacaBroker) -> None:
    server.says(429, "", headers={"X-RateLimit-Reset": "1795446010", "Date": "whenever"})

    assert broker.submit(order()) == Throttled(2.0)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(200, TOLD), FOUND),
        (Answer(404, no(40410000, "order not found")), Absent()),
        (Answer(404, HTML), Absent()),
        (Answer(401, no(None, "unauthorized.")), Unknown),
        (Answer(429, ""), Unknown),
        (Answer(504, HTML), Unknown),
        (Answer(200, "{"), Unknown),
        (Answer(200, None), Unknown),
        (Answer(reset=True), Unknown),
    ],
    ids=str,
)
def test_a_look_up_by_our_id_is_found_absent_or_unknown(
    server: Venue, broker: AlpacaBroker, answer: Answer, found: object
) -> None:
    server.answering = lambda _: answer

    told = broker.find(order().client_order_id)

    assert told == found or type(told) is found
    asked = [(each.path, each.query) for each in server.requests]
    assert asked == [("/v2/orders:by_client_order_id", {"client_order_id": order().client_order_id})]


def test_no_secret_is_in_any_words(server: Venue, broker: AlpacaBroker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words: list[str] = []
    for answer in (Answer(401, no(None, "unauthorized.")), Answer(500, HTML), Answer(reset=True), Answer(200, "{")):
        server.answering = lambda _, answer=answer: answer  # type: ignore[misc]
        words += [repr(broker.submit(order())), repr(broker.find("id"))]
        with pytest.raises(BrokerUnavailableError) as told:
            broker.account()
        words += [str(told.value), repr(told.value), repr(told.value.__cause__)]
    words += [repr(broker), *caplog.messages]

    assert server.requests[0].headers["APCA-API-SECRET-KEY"] == SECRET
    assert [each for each in words if KEY in each or SECRET in each] == []


def test_the_sdks_own_error_raises_when_asked_for_what_it_may_not_have() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        _ = APIError(HTML).code  # type: ignore[no-untyped-call]
