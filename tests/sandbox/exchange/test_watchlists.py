"""Watchlists, through unmodified alpaca-py and plain HTTP."""

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.models import Watchlist
from alpaca.trading.requests import CreateWatchlistRequest, UpdateWatchlistRequest

from tests.sandbox.exchange.exchange_desk import Http

MINE = {"name": "mine", "symbols": ["AAPL", "SPY"]}


def symbols(found: object) -> list[str]:
    assert isinstance(found, Watchlist)
    return [asset.symbol for asset in found.assets or []]


def test_alpaca_py_makes_changes_and_deletes_a_watchlist(client: TradingClient) -> None:
    made = client.create_watchlist(CreateWatchlistRequest(name="mine", symbols=["AAPL"]))
    assert isinstance(made, Watchlist)
    added = client.add_asset_to_watchlist_by_id(made.id, "SPY")
    renamed = client.update_watchlist_by_id(made.id, UpdateWatchlistRequest(name="yours", symbols=["MSFT", "SPY"]))
    removed = client.remove_asset_from_watchlist_by_id(made.id, "MSFT")
    listed = client.get_watchlists()
    client.delete_watchlist_by_id(made.id)

    assert [symbols(one) for one in (made, added, renamed, removed)] == [
        ["AAPL"],
        ["AAPL", "SPY"],
        ["MSFT", "SPY"],
        ["SPY"],
    ]
    assert [w.name for w in listed if isinstance(w, Watchlist)] == ["yours"]
    assert client.get_watchlists() == []


def test_a_watchlist_is_found_by_its_name(http: Http) -> None:
    made = http.send("POST", "/v2/watchlists", MINE)[1]
    path = "/v2/watchlists:by_name?name=mine"
    answers = [http.send("GET", path), http.send("PUT", path, {"symbols": ["SPY"]}), http.send("DELETE", path)]

    assert [status for status, _ in answers] == [200, 200, 204]
    assert answers[0][1]["id"] == made["id"]
    assert [asset["symbol"] for asset in answers[1][1]["assets"]] == ["SPY"]
    assert http.get(path) == (404, {"code": 40410000, "message": "watchlist not found for mine"})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (MINE, (422, 40010001, "watchlist name must be unique")),
        ({"symbols": []}, (422, 40010001, "name is required")),
        ({"name": "x" * 65}, (422, 40010001, "watchlist name must be no more than 64 characters")),
        ({"name": "x", "symbols": "AAPL"}, (422, 40010001, "invalid symbols")),
        ({"name": "x", "symbols": ["NOSUCH"]}, (422, 42210000, 'asset "NOSUCH" not found')),
    ],
)
def test_a_watchlist_that_makes_no_sense_is_refused(
    http: Http, body: dict[str, object], expected: tuple[int, int, str]
) -> None:
    http.send("POST", "/v2/watchlists", MINE)
    status, answer = http.send("POST", "/v2/watchlists", body)

    assert (status, answer["code"], answer["message"]) == expected
    assert [w["name"] for w in http.listed("/v2/watchlists")] == ["mine"]


def test_a_symbol_stands_on_a_watchlist_once(http: Http) -> None:
    made = http.send("POST", "/v2/watchlists", MINE)[1]
    path = f"/v2/watchlists/{made['id']}"

    assert http.send("POST", path, {"symbol": "SPY"}) == (
        422,
        {"code": 40010001, "message": "duplicate symbol: SPY"},
    )
    assert http.send("DELETE", f"{path}/MSFT") == (404, {"code": 40410000, "message": "symbol not found: MSFT"})
