"""What goes wrong on purpose, what it leaves behind, and what a harness sees of it."""

import contextlib
import json
import socket
import threading
from email.utils import parsedate_to_datetime

import pytest
import requests
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
from pydantic import ValidationError

from sandbox.exchange import Running, running
from sandbox.exchange.faults import KINDS
from tests.sandbox.exchange.exchange_desk import Http, account, config, limit


def orders(exchange: Running) -> list[str]:
    return [o["client_order_id"] for o in exchange.state()["orders"]]  # type: ignore[attr-defined]


def journal(exchange: Running) -> list[tuple[object, ...]]:
    keys = ("client_order_id", "fault", "applied", "status")
    return [tuple(e[k] for k in keys) for e in exchange.state()["order_requests"]]  # type: ignore[attr-defined]


def test_dropped_before_nothing_was_applied(exchange: Running, http: Http) -> None:
    exchange.fault(kind="drop-before")

    with pytest.raises(requests.ConnectionError):
        http.order(**limit(client_order_id="lost"))

    assert orders(exchange) == []
    assert journal(exchange) == [("lost", "drop-before", False, None)]
    assert http.get("/v2/orders:by_client_order_id?client_order_id=lost")[0] == 404


def test_dropped_after_the_order_is_there_and_the_answer_is_lost(exchange: Running, http: Http) -> None:
    exchange.fault(kind="drop-after")

    with pytest.raises(requests.ConnectionError):
        http.order(**limit(client_order_id="ghost"))

    assert orders(exchange) == ["ghost"]
    assert journal(exchange) == [("ghost", "drop-after", True, None)]
    assert http.get("/v2/orders:by_client_order_id?client_order_id=ghost")[0] == 200


@pytest.mark.parametrize(
    ("kind", "status", "placed"),
    [
        ("429", 429, 0),
        ("429-bare", 429, 0),
        ("500", 500, 0),
        ("502-html", 502, 0),
        ("504-html", 504, 0),
        ("truncated-json", 200, 1),
        ("unknown-status", 200, 1),
        ("null-fields", 200, 1),
        ("delay", 200, 1),
        ("delay-before", 200, 1),
    ],
)
def test_a_fault_is_answered_and_applied_as_declared(
    exchange: Running, http: Http, kind: str, status: int, placed: int
) -> None:
    exchange.fault(kind=kind, delay_ms=1)

    answer = requests.post(http.url + "/v2/orders", json=limit(), headers=http.session.headers, timeout=5)

    assert (answer.status_code, len(orders(exchange))) == (status, placed)


def test_a_gateway_error_can_hide_an_order_that_was_taken(exchange: Running, http: Http) -> None:
    exchange.fault(kind="504-html", applied=True)

    answer = requests.post(http.url + "/v2/orders", json=limit(), headers=http.session.headers, timeout=5)

    assert (answer.status_code, answer.headers["Content-Type"], len(orders(exchange))) == (504, "text/html", 1)


def test_a_bare_429_has_no_headers(exchange: Running, http: Http) -> None:
    exchange.fault(kind="429-bare")
    exchange.fault(kind="429")

    answers = [http.session.post(http.url + "/v2/orders", json=limit(), timeout=5) for _ in range(2)]

    assert ["X-RateLimit-Reset" in a.headers for a in answers] == [False, True]
    assert [a.json() for a in answers] == [{"message": "too many requests."}] * 2


def test_a_truncated_answer_is_no_json(exchange: Running, http: Http) -> None:
    exchange.fault(kind="truncated-json")

    answer = http.session.post(http.url + "/v2/orders", json=limit(), timeout=5)

    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_an_answer_with_an_unknown_status_or_null_fields_is_not_understood_but_the_order_is_there(
    exchange: Running, client: TradingClient
) -> None:
    exchange.fault(kind="unknown-status")
    exchange.fault(kind="null-fields")
    order = LimitOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=90)
    for _ in range(2):
        with pytest.raises(ValidationError):
            client.submit_order(order)

    assert [status for *_, status in journal(exchange)] == [200, 200]
    assert len(client.get_orders()) == 2


def test_a_delayed_answer_comes_after_the_order_is_there(exchange: Running, http: Http) -> None:
    applied, answered = threading.Event(), threading.Event()
    exchange.on_order_request(lambda moment, _: applied.set() if moment == "applied" else None)
    exchange.fault(kind="delay", delay_ms=400)

    def send() -> None:
        http.order(**limit())
        answered.set()

    sender = threading.Thread(target=send)
    sender.start()

    assert applied.wait(5)
    assert (len(orders(exchange)), answered.is_set()) == (1, False)
    sender.join(5)
    assert answered.is_set()


def test_an_order_can_take_effect_late(exchange: Running, http: Http) -> None:
    received, applied = threading.Event(), threading.Event()
    moments = {"received": received, "applied": applied, "answered": threading.Event()}
    exchange.on_order_request(lambda moment, _: moments[moment].set())
    exchange.fault(kind="delay-before", delay_ms=400)
    sender = threading.Thread(target=http.order, kwargs=limit())
    sender.start()

    assert received.wait(5)
    assert (orders(exchange), applied.is_set()) == ([], False)
    sender.join(5)
    assert len(orders(exchange)) == 1


def test_a_fault_strikes_only_the_account_it_names() -> None:
    accounts = (account(), account(number="PA2", key="K2"))
    with running(config(accounts=accounts)) as exchange:
        exchange.fault(kind="500", account="PA2", times=0)
        answers = [Http(exchange.url, key).order(**limit())[0] for key in ("PKTEST", "K2")]

    assert answers == [200, 500]


def test_a_fault_everywhere_leaves_the_streams_alone(exchange: Running, http: Http) -> None:
    exchange.fault(route="*", kind="500", nth=2)

    assert [http.get(path)[0] for path in ("/v2/clock", "/v2/account", "/v2/clock")] == [200, 500, 200]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {"kind": "500", "route": "POST /v2/order"},
            "no route 'POST /v2/order' to strike; docs/exchange.md lists them",
        ),
        (
            {"kind": "stream-lose"},
            "stream-lose cannot strike 'POST /v2/orders': kinds named stream-… go with routes named STREAM …",
        ),
        ({"kind": "500", "probability": 2}, "probability must be a number from 0 to 1, not 2"),
        ({"kind": "500", "probability": "often"}, "probability must be a number from 0 to 1, not 'often'"),
        ({"kind": "500", "nth": -1}, "nth must be a whole number from 0 up, not -1"),
        (
            {"kind": "500", "when": "now"},
            "a fault has no when; it has account, applied, delay_ms, kind, nth, probability, route, times",
        ),
    ],
)
def test_a_fault_that_could_never_strike_is_refused(http: Http, fault: dict[str, object], message: str) -> None:
    assert http.send("POST", "/_sandbox/faults", fault) == (400, {"message": message})
    assert http.one("/_sandbox/faults")["faults"] == []


def test_only_the_nth_request_is_struck(exchange: Running, http: Http) -> None:
    exchange.fault(kind="500", nth=2)

    assert [http.order(**limit())[0] for _ in range(3)] == [200, 500, 200]


def struck(exchange: Running, http: Http) -> list[bool]:
    """Send twelve orders, each on a connection of its own; give which the journal says were struck."""
    for _ in range(12):
        with contextlib.suppress(requests.RequestException):
            requests.post(http.url + "/v2/orders", json=limit(qty="1"), headers=http.session.headers, timeout=5)
    return [fault is not None for _, fault, *_ in journal(exchange)]


@pytest.mark.parametrize("kind", [name for name in KINDS if not name.startswith("stream-")])
def test_every_kind_strikes_the_nth_request_or_as_often_as_its_dice_say(
    exchange: Running, http: Http, kind: str
) -> None:
    exchange.fault(kind=kind, nth=3, delay_ms=1)
    third = struck(exchange, http)
    runs = []
    for _ in range(2):
        exchange.reset()
        exchange.fault(kind=kind, probability=0.5, delay_ms=1)
        runs.append(struck(exchange, http))

    assert third == [number == 2 for number in range(12)]
    assert runs[0] == runs[1]
    assert {True, False} == set(runs[0])


def test_probability_is_seeded(exchange: Running, http: Http) -> None:
    def run() -> list[int]:
        exchange.reset()
        exchange.fault(kind="500", probability=0.5)
        return [http.order(**limit(qty="1"))[0] for _ in range(20)]

    first = run()

    assert run() == first
    assert {200, 500} == set(first)


def test_faults_are_taken_back(exchange: Running, http: Http) -> None:
    exchange.fault(kind="500", times=0)
    struck = http.order(**limit())[0]
    exchange.clear_faults()

    assert (struck, http.order(**limit())[0]) == (500, 200)


def test_a_fault_on_another_route_lets_orders_through(exchange: Running, http: Http) -> None:
    exchange.fault(route="GET /v2/orders/{order_id}", kind="502-html")
    order = http.placed(**limit())

    answer = http.session.get(f"{http.url}/v2/orders/{order['id']}", timeout=5)

    assert (answer.status_code, answer.text[:6]) == (502, "<html>")


def test_an_observer_is_told_at_each_moment_with_the_clients_id(exchange: Running, http: Http) -> None:
    told: list[tuple[str, str | None]] = []
    answered = threading.Event()

    def observe(moment: str, client_order_id: str | None) -> None:
        told.append((moment, client_order_id))
        if moment == "answered":
            answered.set()

    exchange.on_order_request(observe)
    exchange.fault(kind="drop-after")
    with pytest.raises(requests.ConnectionError):
        http.order(**limit(client_order_id="one"))
    http.placed(**limit(client_order_id="two"))

    assert answered.wait(5)
    assert told == [
        ("received", "one"),
        ("applied", "one"),
        ("received", "two"),
        ("applied", "two"),
        ("answered", "two"),
    ]


def test_a_client_that_is_gone_was_not_answered(
    exchange: Running, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    moments = {name: threading.Event() for name in ("received", "applied", "answered")}

    def observe(moment: str, _: str | None) -> None:
        told.append(moment)
        moments[moment].set()

    exchange.on_order_request(observe)
    exchange.fault(kind="delay", delay_ms=100)
    exchange.fault(kind="delay", delay_ms=200)
    body = json.dumps(limit()).encode()
    keys = "".join(f"{name}: {value!s}\r\n" for name, value in http.session.headers.items() if name.startswith("APCA"))
    with socket.create_connection(("127.0.0.1", int(exchange.url.rpartition(":")[2])), timeout=5) as wire:
        head = f"POST /v2/orders HTTP/1.1\r\nHost: x\r\n{keys}Content-Length: {len(body)}\r\n\r\n"
        wire.sendall(head.encode() + body)
        assert moments["applied"].wait(5)
    http.placed(**limit(client_order_id="after"))

    assert moments["answered"].wait(5)
    assert told == ["received", "applied", "received", "applied", "answered"]
    assert [status for *_, status in journal(exchange)] == [None, 200]
    assert caplog.records == []


def test_with_uniqueness_switched_off_second_posts_are_counted(exchange: Running, http: Http) -> None:
    exchange.settings(unique_client_order_ids=False)
    for _ in range(2):
        http.placed(**limit(client_order_id="twice"))

    assert orders(exchange) == ["twice", "twice"]
    assert journal(exchange) == [("twice", None, True, 200)] * 2


def test_an_answer_dates_itself_and_the_reset_of_its_limit_by_the_exchange_s_clock(
    exchange: Running, http: Http
) -> None:
    exchange.fault(kind="429")
    response = http.session.post(f"{exchange.url}/v2/orders", json=limit(), timeout=10)
    served = parsedate_to_datetime(response.headers["Date"])

    assert response.status_code == 429
    assert served.isoformat() == "2026-11-23T15:00:00+00:00"
    assert int(response.headers["X-RateLimit-Reset"]) - served.timestamp() == 60
