"""Whatever is ordered, quoted and canceled: value is conserved, limits hold, groups stay whole."""

import json
from collections.abc import Callable
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.exchange import intake, locates, wire
from sandbox.exchange.account import Account
from sandbox.exchange.calls import Call
from sandbox.exchange.config import Settings
from sandbox.exchange.engine import Exchange
from sandbox.exchange.errors import Refused
from sandbox.exchange.floor import Update
from sandbox.exchange.orders import FINAL, Order, OrderClass, Role, Status
from sandbox.exchange.replacement import Change
from sandbox.exchange.text import SECOND
from tests.sandbox.exchange.exchange_desk import bracket, config, limit, market

CALL, HIGHER = "AAPL261218C00100000", "AAPL261218C00105000"
Step = Callable[[Exchange, Account], None]

cents = st.integers(8_000, 12_000).map(lambda n: f"{n / 100:.2f}")
sides = st.sampled_from(["buy", "sell"])
quantities = st.integers(1, 30).map(str)


def ordering(order: dict[str, object]) -> Step:
    def step(exchange: Exchange, account: Account) -> None:
        exchange.submit(account, intake.order_request(intake.body(json.dumps(order).encode())))

    return step


def quoting(middle: int) -> Step:
    prices = {"bid": f"{(middle - 2) / 100:.2f}", "ask": f"{(middle + 2) / 100:.2f}"}
    return lambda exchange, _: exchange.fix_quote("AAPL", prices)


def canceling(number: int) -> Step:
    def step(exchange: Exchange, account: Account) -> None:
        orders = exchange.open_orders(account)
        if orders:
            exchange.cancel(orders[number % len(orders)])

    return step


def replacing(number: int, price: str) -> Step:
    def step(exchange: Exchange, account: Account) -> None:
        orders = [o for o in exchange.open_orders(account) if o.limit_price is not None]
        if orders:
            exchange.replace(account, orders[number % len(orders)], Change(limit_price=Decimal(price)))

    return step


def waiting(seconds: int) -> Step:
    return lambda exchange, _: exchange.advance_to(exchange.clock.now() + seconds * SECOND)


def locating(lots: int) -> Step:
    body = json.dumps({"symbol": "GE", "qty": 100 * lots}).encode()

    def step(exchange: Exchange, account: Account) -> None:
        locates.create(Call(exchange, account, {}, {}, {}, body))

    return step


def oco(side: str, target: str, stop: str, qty: str) -> dict[str, object]:
    legs = {"take_profit": {"limit_price": target}, "stop_loss": {"stop_price": stop}}
    return limit(side=side, qty=qty, limit_price=None, order_class="oco", time_in_force="gtc", **legs)


def spread(first: str, second: str, price: str) -> dict[str, object]:
    legs = [
        {"symbol": CALL, "position_intent": first, "ratio_qty": "1"},
        {"symbol": HIGHER, "position_intent": second, "ratio_qty": "1"},
    ]
    terms = {"type": "limit", "limit_price": price, "time_in_force": "day", "qty": "2"}
    return {"order_class": "mleg", "legs": legs, **terms}


simple = st.builds(lambda s, q, p: limit(side=s, qty=q, limit_price=p), sides, quantities, cents)
markets = st.builds(lambda s, q: market(side=s, qty=q), sides, quantities)
stops = st.builds(
    lambda s, q, p: limit(side=s, qty=q, type="stop", limit_price=None, stop_price=p), sides, quantities, cents
)
trails = st.builds(lambda s, q: market(side=s, qty=q, type="trailing_stop", trail_price="1"), sides, quantities)
brackets = st.builds(
    lambda s, q, p, t, x: bracket(
        side=s, qty=q, limit_price=p, take_profit={"limit_price": t}, stop_loss={"stop_price": x}
    ),
    sides,
    quantities,
    cents,
    cents,
    cents,
)
ocos = st.builds(oco, sides, cents, cents, quantities)
contracts = st.builds(
    lambda s, p: limit(symbol=CALL, side=s, qty="1", limit_price=p), sides, st.sampled_from(["0.05", "2.00", "9.00"])
)
spreads = st.builds(
    spread,
    st.sampled_from(["buy_to_open", "sell_to_open"]),
    st.sampled_from(["buy_to_open", "sell_to_open", "sell_to_close"]),
    st.sampled_from(["3.00", "-0.50"]),
)


def with_shares(shares: str, call: str, price: str) -> dict[str, object]:
    legs = [
        {"symbol": "AAPL", "position_intent": shares, "ratio_qty": "100"},
        {"symbol": CALL, "position_intent": call, "ratio_qty": "1"},
    ]
    return {**spread("", "", price), "qty": "1", "legs": legs}


covered = st.builds(
    with_shares,
    st.sampled_from(["buy_to_open", "sell_to_close"]),
    st.sampled_from(["sell_to_open", "buy_to_close", "sell_to_close"]),
    st.sampled_from(["100.00", "-70.00"]),
)
orders = st.one_of(simple, markets, stops, trails, brackets, ocos, contracts, spreads, covered)
steps = st.lists(
    st.one_of(
        orders.map(ordering),
        orders.map(ordering),
        st.integers(8_000, 12_000).map(quoting),
        st.integers(0, 9).map(canceling),
        st.builds(replacing, st.integers(0, 9), cents),
        st.builds(lambda q: ordering(limit(symbol="GE", side="sell", qty=q, limit_price="1")), quantities),
        st.integers(1, 3).map(locating),
        st.sampled_from([1, 600, 20_000, 90_000]).map(waiting),
    ),
    max_size=25,
)


def opened() -> tuple[Exchange, Account, list[Update]]:
    partly = Settings(partial_fill_probability=Decimal("0.3"))
    exchange = Exchange(config(settings=partly, assets={"GE": {"easy_to_borrow": False}}))
    told: list[Update] = []
    exchange.listeners.append(told.append)
    return exchange, exchange.accounts["PA3TEST00001"], told


def walk(exchange: Exchange, account: Account, taken: list[Step], after: Callable[[], None]) -> None:
    for step in taken:
        try:
            step(exchange, account)
        except Refused:
            continue  # a refusal changes nothing, which the invariants after the next step show
        after()


@settings(max_examples=120, deadline=None)
@given(taken=steps)
def test_cash_positions_and_fees_are_what_the_statement_says(taken: list[Step]) -> None:
    exchange, account, _ = opened()

    def conserved() -> None:
        lines = [a.shown for a in exchange.statements[account.number].posted(2**63)]
        cash = Decimal(100_000)
        shares: dict[str, Decimal] = {}
        for line in lines:
            symbol, qty = str(line["symbol"]), Decimal(str(line["qty"]))
            if line["activity_type"] == "FILL":
                signed = qty if line["side"] == "buy" else -qty
                cash -= signed * Decimal(str(line["price"])) * exchange.instruments.find(symbol).multiplier
                shares[symbol] = shares.get(symbol, Decimal(0)) + signed
            else:
                cash += Decimal(str(line["net_amount"]))
                shares[symbol] = shares.get(symbol, Decimal(0)) + qty
        assert account.cash == cash
        assert {s: p.qty for s, p in account.positions.items()} == {s: q for s, q in shares.items() if q}

    walk(exchange, account, taken, conserved)


@settings(max_examples=120, deadline=None)
@given(taken=steps)
def test_no_order_is_filled_beyond_its_quantity_or_its_limit(taken: list[Step]) -> None:
    exchange, account, told = opened()
    walk(exchange, account, taken, lambda: None)

    for update in told:
        order = update.order
        if update.price is None or order.effective_limit is None:
            continue
        better = update.price - order.effective_limit if order.side == "sell" else order.effective_limit - update.price
        assert better >= 0
    assert all(o.qty is None or o.filled_qty <= o.qty for o in exchange.book.orders.values())


def heads(exchange: Exchange) -> list[tuple[Order, list[Order]]]:
    found = exchange.book.orders
    groups = [o for o in found.values() if o.legs and o.order_class in (OrderClass.BRACKET, OrderClass.OCO)]
    return [(o, [found[leg] for leg in o.legs]) for o in groups if o.status is not Status.REPLACED]


@settings(max_examples=120, deadline=None)
@given(taken=steps)
def test_a_groups_legs_live_after_their_entry_and_never_sell_twice(taken: list[Step]) -> None:
    exchange, account, _ = opened()

    def whole() -> None:
        for head, legs in heads(exchange):
            entry = head.role is Role.ENTRY
            if entry and head.status is not Status.FILLED:
                assert all(leg.filled_qty == 0 and not leg.armed for leg in legs)
            exits = sum((leg.filled_qty for leg in legs), Decimal(0)) + (0 if entry else head.filled_qty)
            assert head.qty is not None
            assert exits <= head.qty
            live = [o for o in (legs if entry else [head, *legs]) if o.status not in FINAL]
            assert len(live) in (0, 2) or any(leg.filled_qty or leg.triggered for leg in live)

    walk(exchange, account, taken, whole)


@settings(max_examples=120, deadline=None)
@given(taken=steps)
def test_what_is_kept_back_belongs_to_open_orders_and_is_no_more_than_is_held(taken: list[Step]) -> None:
    exchange, account, _ = opened()

    def kept() -> None:
        assert account.held_cash == sum((hold.cash for hold in account.holds.values()), Decimal(0))
        mine = exchange.book.account(account.number)
        assert all(name in mine.open or name.startswith("short ") for name in account.holds)
        for symbol, held in account.held_shares.items():
            assert sum(held.values(), Decimal(0)) <= abs(account.qty(symbol))

    walk(exchange, account, taken, kept)


@settings(max_examples=40, deadline=None)
@given(taken=steps)
def test_the_same_seed_gives_the_same_run_byte_for_byte(taken: list[Step]) -> None:
    def run() -> bytes:
        exchange, account, told = opened()
        walk(exchange, account, taken, lambda: None)
        orders = [wire.order(o) for o in exchange.book.orders.values()]
        updates = [(u.event, u.execution_id, u.at, u.order.id) for u in told]
        return wire.render([orders, updates, wire.account(exchange, account)])

    assert run() == run()
