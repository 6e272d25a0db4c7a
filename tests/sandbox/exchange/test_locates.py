"""Locates: a hard-to-borrow stock is found for the day before it is sold short."""

import pytest

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import Http, account, config, limit

SHORT = limit(symbol="GE", side="sell", qty="100", limit_price="400")


def refused(available: int, requested: int = 100) -> tuple[int, dict[str, object]]:
    words = f"(requested: {requested}, available: {available})"
    return 403, {"code": 40310000, "message": f"insufficient located qty for hard-to-borrow asset GE {words}"}


@pytest.fixture(autouse=True)
def hard_to_borrow(exchange: Running) -> None:
    exchange.assets({"GE": {"easy_to_borrow": False}})


def offer(http: Http) -> tuple[int, float]:
    [quote] = http.one("/v1/locates/quotes?symbols=GE")["quotes"]
    return quote["available_qty"], float(quote["price"])


def locate(http: Http, **changes: object) -> tuple[int, dict[str, object]]:
    return http.send("POST", "/v1/locates", {"symbol": "GE", "qty": 100, **changes})


def test_what_was_located_may_be_sold_short_once(http: Http) -> None:
    before = http.order(**SHORT)
    locate(http, qty=200)
    answers = [http.order(**SHORT)[0], http.order(**SHORT)[0], http.order(**SHORT)]

    assert before == refused(0)
    assert answers == [200, 200, refused(0)]


def test_a_locate_is_paid_for_and_stands_on_the_statement(exchange: Running, http: Http) -> None:
    available, price = offer(http)
    status, made = locate(http)
    exchange.advance(86_400)

    assert (status, made["status"], made["located_qty"]) == (201, "active", 100)
    assert float(str(made["total_fee"])) == 100 * price
    assert float(http.one("/v2/account")["cash"]) == 100_000 - 100 * price
    assert [(a["activity_type"], float(a["net_amount"])) for a in http.listed("/v2/account/activities")] == [
        ("FEE", -100 * price)
    ]
    assert available > 100


def test_what_one_has_located_another_does_not_find(http: Http) -> None:
    before = offer(http)[0]
    locate(http, qty=300)

    assert offer(http)[0] == before - 300


def test_a_locate_ends_with_the_day(exchange: Running, http: Http) -> None:
    made = locate(http)[1]
    exchange.set_clock("2026-11-24T10:00:00-05:00")

    assert http.one(f"/v1/locates/{made['id']}")["status"] == "expired"
    assert http.order(**SHORT) == refused(0)


def test_more_than_there_is_is_found_in_part_or_not_at_all(http: Http) -> None:
    available = offer(http)[0]
    whole = locate(http, qty=available + 100, all_or_none=True)[1]
    part = locate(http, qty=available + 100)[1]

    assert (whole["status"], whole["rejection_reason"]) == ("rejected", "inventory_unavailable")
    assert (part["status"], part["located_qty"]) == ("active", available)


def test_a_fee_above_the_limit_is_not_paid(http: Http) -> None:
    made = locate(http, limit_price="0.001")[1]

    assert (made["status"], made["rejection_reason"]) == ("rejected", "limit_price_exceeded")
    assert http.one("/v2/account")["cash"] == "100000"


def test_the_same_key_gives_the_same_locate_and_conflicts_with_another(http: Http) -> None:
    def keyed(qty: int) -> tuple[int, dict[str, object]]:
        return http.send("POST", "/v1/locates", {"symbol": "GE", "qty": qty}, headers={"Idempotency-Key": "once"})

    first, again, other = keyed(100), keyed(100), keyed(200)

    assert first == again
    assert other == (
        422,
        {"code": "idempotency_key_conflict", "message": "idempotency key was already used with a different request"},
    )
    assert len(http.one("/v1/locates")["locates"]) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"qty": 150}, 400, "invalid_input"),
        ({"qty": "100"}, 400, "invalid_input"),
        ({"limit_price": "-1"}, 400, "invalid_limit_price"),
        ({"all_or_none": "yes"}, 400, "invalid_request_body"),
        ({"symbol": "NOSUCH"}, 422, "symbol_not_found"),
        ({"symbol": "AAPL"}, 422, "easy_to_borrow"),
    ],
)
def test_a_locate_that_makes_no_sense_is_refused(http: Http, change: dict[str, object], status: int, code: str) -> None:
    answer = locate(http, **change)

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert http.one("/v1/locates")["locates"] == []


def test_a_quote_names_what_could_not_be_quoted(http: Http) -> None:
    errors = http.one("/v1/locates/quotes?symbols=GE,AAPL,NOSUCH")["errors"]

    assert [(e["symbol"], e["code"]) for e in errors] == [("AAPL", "easy_to_borrow"), ("NOSUCH", "symbol_not_found")]


def test_a_fee_that_cannot_be_paid_is_refused() -> None:
    with running(config(accounts=(account(cash="0.50"),))) as exchange:
        exchange.assets({"GE": {"easy_to_borrow": False}})
        status, body = locate(Http(exchange.url))

    assert (status, body["code"]) == (422, "insufficient_buying_power")


def test_locates_are_listed_newest_first_and_paged(http: Http) -> None:
    made = [locate(http)[1]["id"] for _ in range(3)]
    first = http.one("/v1/locates?limit=2")
    second = http.one(f"/v1/locates?limit=2&page_token={first['next_page_token']}")

    assert [x["id"] for x in first["locates"] + second["locates"]] == made[::-1]
    assert second["next_page_token"] is None


def test_without_the_switch_no_locate_is_asked_for(exchange: Running, http: Http) -> None:
    exchange.settings(locates_required=False)

    assert http.order(**SHORT)[0] == 200
