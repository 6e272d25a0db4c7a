"""What becomes of an order: fills, brackets, groups, time. Prices are set, time is moved by hand."""

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import Http, account, bracket, config, held, limit, market


def falls(exchange: Running, bid: str, ask: str, last: str | None = None) -> None:
    exchange.quotes({"AAPL": {"bid": bid, "ask": ask, "last": last or bid}})


def prices(orders: list[dict[str, str]]) -> list[tuple[str, str, str | None]]:
    return [(o["type"], o["status"], o["filled_avg_price"]) for o in orders]


def test_a_market_order_is_answered_pending_and_filled_at_the_far_side(http: Http) -> None:
    answered = http.placed(**market())
    now = http.one(f"/v2/orders/{answered['id']}")

    assert (answered["status"], answered["filled_qty"]) == ("pending_new", "0")
    assert (now["status"], now["filled_qty"], now["filled_avg_price"]) == ("filled", "10", "100.02")
    assert http.one("/v2/account")["cash"] == "98999.8"


def test_an_order_may_name_its_asset_by_id(http: Http) -> None:
    stock = http.one("/v2/assets/AAPL")["id"]
    contract = http.one("/v2/options/contracts/AAPL261218C00100000")["id"]

    assert http.placed(**limit(symbol=stock))["symbol"] == "AAPL"
    assert http.placed(**limit(symbol=contract, qty="1", limit_price="0.05"))["symbol"] == "AAPL261218C00100000"


def test_a_limit_order_rests_until_the_market_comes_to_it(exchange: Running, http: Http) -> None:
    order = http.placed(**limit(limit_price="95"))
    before = http.one(f"/v2/orders/{order['id']}")["status"]
    falls(exchange, "94.90", "94.95")

    assert before == "new"
    assert prices(http.listed("/v2/orders?status=all")) == [("limit", "filled", "94.95")]


def test_a_limit_is_never_filled_beyond_its_price(exchange: Running, http: Http) -> None:
    http.placed(**limit(limit_price="95"))
    falls(exchange, "94.99", "95.01")

    assert http.statuses() == [("limit", "new")]


def test_an_entrys_legs_are_held_until_it_is_filled_completely(exchange: Running, http: Http) -> None:
    http.placed(**bracket())
    before = http.statuses()
    falls(exchange, "89.98", "90.00")

    assert before == [("limit", "new"), ("limit", "held"), ("stop", "held")]
    assert http.statuses() == [("limit", "filled"), ("limit", "new"), ("stop", "held")]
    assert http.one("/v2/positions/AAPL")["qty_available"] == "0"


def test_the_target_takes_the_stop_with_it(exchange: Running, http: Http) -> None:
    http.placed(**bracket(limit_price="100.02"))
    falls(exchange, "110.00", "110.02")

    assert http.statuses() == [("limit", "filled"), ("limit", "filled"), ("stop", "canceled")]
    assert http.listed("/v2/positions") == []
    assert http.one("/v2/account")["cash"] == "100099.8"


def test_the_stop_takes_the_target_with_it_and_fills_at_the_market(exchange: Running, http: Http) -> None:
    http.placed(**bracket(limit_price="100.02"))
    falls(exchange, "79.50", "79.60")

    assert prices(http.listed("/v2/orders?status=all&direction=asc")) == [
        ("limit", "filled", "100.02"),
        ("limit", "canceled", None),
        ("stop", "filled", "79.5"),
    ]


def test_a_stop_limit_leg_does_not_sell_below_its_limit(exchange: Running, http: Http) -> None:
    http.placed(**bracket(limit_price="100.02", stop_loss={"stop_price": "80", "limit_price": "79.9"}))
    falls(exchange, "79.50", "79.60")
    gapped = http.statuses()[2]
    falls(exchange, "79.90", "79.95")

    assert gapped == ("stop_limit", "new")
    assert prices(http.listed("/v2/orders?status=all&direction=asc"))[2] == ("stop_limit", "filled", "79.9")


def test_canceling_one_of_a_group_cancels_the_group(http: Http) -> None:
    order = http.placed(**bracket(limit_price="100.02"))
    target = order["legs"][0]["id"]
    answer = http.send("DELETE", f"/v2/orders/{target}")

    assert answer == (204, None)
    assert http.statuses() == [("limit", "filled"), ("limit", "canceled"), ("stop", "canceled")]
    assert http.one("/v2/positions/AAPL")["qty_available"] == "10"


def test_canceling_a_waiting_entry_cancels_its_legs(http: Http) -> None:
    order = http.placed(**bracket())
    http.send("DELETE", f"/v2/orders/{order['id']}")

    assert http.statuses() == [("limit", "canceled"), ("limit", "canceled"), ("stop", "canceled")]


def test_a_partly_filled_entry_that_is_canceled_leaves_its_shares_unprotected(exchange: Running, http: Http) -> None:
    exchange.settings(partial_fill_probability="1")
    order = http.placed(**bracket(limit_price="100.02"))
    before = http.one(f"/v2/orders/{order['id']}")
    http.send("DELETE", f"/v2/orders/{order['id']}")

    assert before["status"] == "partially_filled"
    assert http.statuses() == [("limit", "canceled"), ("limit", "canceled"), ("stop", "canceled")]
    assert http.one("/v2/positions/AAPL")["qty"] == before["filled_qty"]


def test_a_target_filled_in_part_shrinks_the_stop(exchange: Running, http: Http) -> None:
    http.placed(**bracket(limit_price="100.02"))
    exchange.settings(partial_fill_probability="1")
    falls(exchange, "110.00", "110.02")
    target, stop = http.listed("/v2/orders?status=all&direction=asc")[1:]

    assert target["status"] == "partially_filled"
    assert int(stop["qty"]) == 10 - int(target["filled_qty"])


def test_an_oco_protects_a_position_and_fills_once(exchange: Running, http: Http) -> None:
    held(http)
    http.placed(
        **limit(
            side="sell",
            limit_price=None,
            order_class="oco",
            time_in_force="gtc",
            take_profit={"limit_price": "110"},
            stop_loss={"stop_price": "90"},
        )
    )
    nested = http.listed("/v2/orders?status=open&nested=true")
    falls(exchange, "89.50", "89.60")

    assert [(o["limit_price"], [leg["stop_price"] for leg in o["legs"]]) for o in nested] == [("110", ["90"])]
    assert http.statuses() == [("market", "filled"), ("limit", "canceled"), ("stop", "filled")]
    assert http.listed("/v2/positions") == []


def test_an_otos_only_leg_goes_live_with_the_fill(exchange: Running, http: Http) -> None:
    http.placed(**bracket(order_class="oto", take_profit=None, limit_price="100.02"))
    live = http.statuses()
    falls(exchange, "79.50", "79.60")

    assert live == [("limit", "filled"), ("stop", "new")]
    assert http.statuses() == [("limit", "filled"), ("stop", "filled")]


def test_a_short_entrys_legs_buy_back(exchange: Running, http: Http) -> None:
    legs = {"take_profit": {"limit_price": "90"}, "stop_loss": {"stop_price": "110"}}
    http.placed(**bracket(side="sell", limit_price="99.98", **legs))
    short = http.one("/v2/positions/AAPL")
    falls(exchange, "89.98", "90.00")

    assert (short["qty"], short["side"]) == ("-10", "short")
    assert http.listed("/v2/positions") == []
    assert http.one("/v2/account")["cash"] == "100099.8"


def test_a_legs_price_is_replaced_by_a_new_order(exchange: Running, http: Http) -> None:
    order = http.placed(**bracket(limit_price="100.02"))
    stop = order["legs"][1]["id"]
    status, new = http.send("PATCH", f"/v2/orders/{stop}", {"stop_price": "85"})
    falls(exchange, "84.50", "84.60")

    assert (status, new["replaces"], new["stop_price"], new["id"] != stop) == (200, stop, "85", True)
    assert http.one(f"/v2/orders/{stop}")["replaced_by"] == new["id"]
    assert http.statuses() == [
        ("limit", "filled"),
        ("limit", "canceled"),
        ("stop", "replaced"),
        ("stop", "filled"),
    ]


def test_a_buy_stop_does_not_buy_more_than_two_and_a_half_per_cent_above(exchange: Running, http: Http) -> None:
    http.placed(**limit(type="stop", limit_price=None, stop_price="110", qty="1"))
    falls(exchange, "112.74", "112.76")
    reached = http.statuses()
    falls(exchange, "112.70", "112.75")

    assert reached == [("stop", "new")]
    assert prices(http.listed("/v2/orders?status=all")) == [("stop", "filled", "112.75")]


def test_below_fifty_dollars_a_buy_stop_reaches_four_per_cent_above(exchange: Running, http: Http) -> None:
    http.placed(**limit(symbol="ZWZZT", type="stop", limit_price=None, stop_price="0.7", qty="1"))
    exchange.quotes({"ZWZZT": {"bid": "0.7278", "ask": "0.7281"}})
    reached = http.statuses()
    exchange.quotes({"ZWZZT": {"bid": "0.7278", "ask": "0.7280"}})

    assert (reached, http.statuses()) == ([("stop", "new")], [("stop", "filled")])


def test_a_trailing_stop_follows_the_market_up_and_sells_on_the_way_down(exchange: Running, http: Http) -> None:
    held(http)
    http.placed(**market(side="sell", type="trailing_stop", trail_price="5", time_in_force="gtc"))
    falls(exchange, "120", "120.02")
    high = http.listed("/v2/orders")[0]
    falls(exchange, "115.01", "115.02")
    waits = http.statuses()[1]
    falls(exchange, "115", "115.02")

    assert (high["hwm"], high["stop_price"]) == ("120", "115")
    assert waits == ("trailing_stop", "new")
    assert http.statuses()[1] == ("trailing_stop", "filled")


def test_a_day_order_expires_at_the_close_and_its_legs_with_it(exchange: Running, http: Http) -> None:
    http.placed(**bracket(time_in_force="day"))
    exchange.set_clock("2026-11-23T16:00:00-05:00")

    assert http.statuses() == [("limit", "expired"), ("limit", "expired"), ("stop", "expired")]


def test_a_gtc_order_ends_after_ninety_days_at_a_quarter_past_four(exchange: Running, http: Http) -> None:
    order = http.placed(**limit(time_in_force="gtc"))
    exchange.set_clock("2027-02-21T16:14:59-05:00")
    before = http.statuses()
    exchange.set_clock("2027-02-21T16:15:00-05:00")

    assert order["expires_at"] == "2027-02-21T21:15:00Z"
    assert (before, http.statuses()) == ([("limit", "new")], [("limit", "expired")])


def test_an_order_sent_while_the_market_is_closed_waits_for_the_opening(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-23T21:00:00-05:00")
    order = http.placed(**market())
    exchange.set_clock("2026-11-24T09:29:59-05:00")
    before = http.statuses()
    exchange.set_clock("2026-11-24T09:30:00-05:00")

    assert (order["status"], order["expires_at"]) == ("accepted", "2026-11-24T21:00:00Z")
    assert (before, http.statuses()) == ([("market", "accepted")], [("market", "filled")])


def test_the_market_closes_early_on_a_half_day(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-27T10:00:00-05:00")
    order = http.placed(**limit())

    assert order["expires_at"] == "2026-11-27T18:00:00Z"
    assert http.one("/v2/clock")["next_close"] == "2026-11-27T13:00:00-05:00"


def test_an_extended_hours_order_fills_before_the_opening(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-24T08:00:00-05:00")
    http.placed(**limit(limit_price="101", extended_hours=True))
    http.placed(**limit(limit_price="101", qty="1"))

    assert http.statuses() == [("limit", "filled"), ("limit", "accepted")]


def test_an_immediate_order_fills_or_dies(http: Http) -> None:
    http.placed(**limit(time_in_force="ioc"))
    http.placed(**limit(time_in_force="fok", limit_price="100.02"))

    assert http.statuses() == [("limit", "canceled"), ("limit", "filled")]


def test_an_opening_auction_order_fills_at_the_opening(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-23T19:30:00-05:00")
    http.placed(**market(time_in_force="opg"))
    http.placed(**limit(time_in_force="opg"))
    exchange.set_clock("2026-11-24T09:30:00-05:00")

    assert http.statuses() == [("market", "filled"), ("limit", "canceled")]


def test_a_notional_order_buys_for_its_amount(http: Http) -> None:
    http.placed(**market(qty=None, notional="500"))
    position = http.one("/v2/positions/AAPL")

    assert position["qty"] == "4.999000199"
    assert http.listed("/v2/orders?status=all")[0]["qty"] is None


def test_a_cancel_can_stay_pending(exchange: Running, http: Http) -> None:
    exchange.settings(cancel_seconds="2")
    order = http.placed(**limit())
    http.send("DELETE", f"/v2/orders/{order['id']}")
    before = http.statuses()
    exchange.advance(3)

    assert (before, http.statuses()) == ([("limit", "pending_cancel")], [("limit", "canceled")])


def test_a_cancel_can_stay_pending_for_ever(exchange: Running, http: Http) -> None:
    exchange.settings(cancel_seconds="-1")
    order = http.placed(**limit(time_in_force="gtc"))
    http.send("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance(86_400)

    assert http.statuses() == [("limit", "pending_cancel")]


def test_a_trail_is_replaced(exchange: Running, http: Http) -> None:
    held(http)
    order = http.placed(**market(side="sell", type="trailing_stop", trail_percent="5", time_in_force="gtc"))
    status, new = http.send("PATCH", f"/v2/orders/{order['id']}", {"trail": "2"})
    falls(exchange, "100", "100.02")

    assert (status, new["trail_percent"]) == (200, "2")
    assert http.one(f"/v2/orders/{new['id']}")["stop_price"] == "98"


def test_open_buys_reduce_the_buying_power_and_cancels_give_it_back(http: Http) -> None:
    order = http.placed(**limit())
    reserved = http.one("/v2/account")["buying_power"]
    http.send("DELETE", f"/v2/orders/{order['id']}")

    assert (reserved, http.one("/v2/account")["buying_power"]) == ("99100", "100000")


def test_a_position_is_closed_in_part_and_then_whole(http: Http) -> None:
    held(http)
    part = http.send("DELETE", "/v2/positions/AAPL?percentage=40")
    left = http.one("/v2/positions/AAPL")["qty"]
    whole = http.send("DELETE", "/v2/positions/AAPL")

    assert [part[1]["qty"], left, whole[1]["qty"]] == ["4", "6", "6"]
    assert http.listed("/v2/positions") == []


def test_closing_everything_answers_for_each_position(http: Http) -> None:
    held(http)
    held(http, symbol="NFLX", qty="1")
    http.placed(**limit(side="sell", limit_price="120"))
    status, answers = http.send("DELETE", "/v2/positions")

    assert (status, [(a["symbol"], a["status"]) for a in answers]) == (207, [("AAPL", 403), ("NFLX", 200)])
    assert answers[0]["body"]["available"] == "0"

    status, answers = http.send("DELETE", "/v2/positions?cancel_orders=True")

    assert (status, [(a["symbol"], a["status"]) for a in answers]) == (207, [("AAPL", 200)])
    assert http.listed("/v2/positions") == []


def test_canceling_everything_answers_for_each_open_order(http: Http) -> None:
    http.placed(**bracket())
    http.placed(**limit())
    status, answers = http.send("DELETE", "/v2/orders")

    assert (status, [a["status"] for a in answers]) == (207, [200, 200, 200, 200])
    assert http.listed("/v2/orders") == []


def test_accounts_see_only_their_own() -> None:
    other = account(number="PA3OTHER", key="PKOTHER", cash=500)
    with running(config(accounts=(account(), other))) as exchange:
        mine, theirs = Http(exchange.url), Http(exchange.url, "PKOTHER")
        order = mine.placed(**limit())
        answers = [theirs.get(f"/v2/orders/{order['id']}")[0], theirs.get("/v2/orders")]
        cash = theirs.one("/v2/account")["cash"]

    assert (answers, cash) == ([404, (200, [])], "500")


def test_a_bracket_only_ever_opens(http: Http) -> None:
    http.placed(**market(side="sell", qty="10"))

    assert http.order(**bracket()) == (
        422,
        {"code": 40010001, "message": "bracket orders must be entry orders"},
    )


def test_legs_whose_shares_were_sold_meanwhile_are_rejected(exchange: Running, http: Http) -> None:
    exchange.settings(partial_fill_probability="1")
    http.placed(**bracket(limit_price="100.02"))
    exchange.settings(partial_fill_probability="0")
    http.placed(**market(side="sell", qty="1"))
    exchange.tick()

    assert http.statuses()[:3] == [("limit", "filled"), ("limit", "rejected"), ("stop", "rejected")]
