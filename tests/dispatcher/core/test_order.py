"""After rounding a bracket still satisfies the broker's rules and worsens nothing, or it is a refusal."""

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.core.order import ENTRY, Order, Side, client_order_id, price, restore
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.standing import Quote
from tests.dispatcher.cases import MONDAY, NOW, intent, order, recommendation

NOISE = Decimal("0.0000005")
near_a_dollar = st.decimals(min_value="0.9", max_value="1.1", places=5)
anywhere = st.decimals(min_value="0.00001", max_value="2000", places=6)
prices = st.one_of(near_a_dollar, anywhere)


@st.composite
def brackets(draw: st.DrawFn) -> tuple[Side, Decimal, Decimal, Decimal, Quote]:
    """Any three prices around one, near and far, in and out of order."""
    entry = draw(prices)
    spans = st.decimals(min_value="-0.03", max_value="0.05", places=5) | st.decimals("0", entry, places=4)
    bid = draw(st.just(entry) | prices)
    quote = Quote(bid, bid + Decimal("0.02"))
    return draw(st.sampled_from(Side)), entry, entry - draw(spans), entry + draw(spans), quote


def broken_rules(placed: Order) -> list[str]:
    """The rules of docs/broker-rules.md, "Prices" and "Brackets", in words of their own, on the text of the wire."""
    body = placed.payload()
    legs = (body["take_profit"], body["stop_loss"])
    assert isinstance(legs[0], dict)
    assert isinstance(legs[1], dict)
    texts = {"limit": str(body["limit_price"]), "target": legs[0]["limit_price"], "stop": legs[1]["stop_price"]}
    amounts = {name: Decimal(text) for name, text in texts.items()}
    sign = 1 if body["side"] == "buy" else -1
    broken = [
        f"{name} {text} has too many decimals"
        for name, text in texts.items()
        if len(text.rstrip("0").partition(".")[2]) > (2 if amounts[name] >= 1 else 4)
    ]
    if sign * (amounts["target"] - amounts["limit"]) < Decimal("0.01"):
        broken.append("the target is too near the entry")
    if sign * (amounts["limit"] - amounts["stop"]) < Decimal("0.01"):
        broken.append("the stop is too near the entry")
    return broken + [f"{name} is not above zero" for name, amount in amounts.items() if amount <= 0]


@given(brackets())
@settings(max_examples=800)
def test_an_order_satisfies_the_exchange_and_worsens_nothing_or_it_is_a_refusal(
    bracket: tuple[Side, Decimal, Decimal, Decimal, Quote],
) -> None:
    side, entry, stop, target, quote = bracket
    worsened_by = 1 if side is Side.BUY else -1

    priced = price(intent(side=side, entry=entry, stop_loss=stop, take_profit=target, quote=quote), "large", MONDAY)

    if isinstance(priced, Refusal):
        assert priced.reason in {Reason.PRICE_NOT_POSITIVE, Reason.BRACKET_CROSSED, Reason.STOP_BEYOND_MARKET}
        return
    assert broken_rules(priced) == []
    assert worsened_by * (priced.limit.amount - entry) <= NOISE
    assert worsened_by * (priced.take_profit.amount - target) >= -NOISE
    assert worsened_by * (priced.stop_loss.amount - stop) >= -NOISE


@given(brackets())
def test_a_priced_order_priced_again_is_the_same_order(
    bracket: tuple[Side, Decimal, Decimal, Decimal, Quote],
) -> None:
    side, entry, stop, target, quote = bracket
    once = price(intent(side=side, entry=entry, stop_loss=stop, take_profit=target, quote=quote), "large", MONDAY)
    if isinstance(once, Refusal):
        return

    limit, take_profit, stop_loss = (each.amount for each in (once.limit, once.take_profit, once.stop_loss))
    again = intent(side=side, entry=limit, stop_loss=stop_loss, take_profit=take_profit, quote=quote)

    assert price(again, "large", MONDAY) == once


def test_the_sub_penny_target_that_stopped_the_original_becomes_the_cent_above() -> None:
    meant = intent(
        entry=Decimal("650.207"),
        stop_loss=Decimal("625.4269"),
        take_profit=Decimal("699.7462"),
        quote=Quote(Decimal("650.10"), Decimal("650.30")),
    )

    priced = price(meant, "large", MONDAY)

    assert isinstance(priced, Order)
    assert [str(each) for each in (priced.limit, priced.take_profit, priced.stop_loss)] == [
        "650.20",
        "699.75",
        "625.43",
    ]


def test_a_short_is_rounded_the_other_way() -> None:
    meant = intent(
        side=Side.SELL, entry=Decimal("199.994"), stop_loss=Decimal("204.998"), take_profit=Decimal("190.006")
    )

    priced = price(meant, "large", MONDAY)

    assert isinstance(priced, Order)
    assert [str(each) for each in (priced.limit, priced.take_profit, priced.stop_loss)] == [
        "200.00",
        "190.00",
        "204.99",
    ]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (
            {"stop_loss": Decimal(-3)},
            Refusal(
                Reason.PRICE_NOT_POSITIVE,
                Reason.PRICE_NOT_POSITIVE.meaning,
                "stop -3, entry 200, target 210",
            ),
        ),
        (
            {"take_profit": Decimal(190)},
            Refusal(
                Reason.BRACKET_CROSSED,
                Reason.BRACKET_CROSSED.meaning,
                "stop 195.00, entry 200.00, target 190.00",
                "at least $0.01 apart",
            ),
        ),
        (
            {"entry": Decimal("195.009")},
            Refusal(
                Reason.BRACKET_CROSSED,
                Reason.BRACKET_CROSSED.meaning,
                "stop 195.00, entry 195.00, target 210.00",
                "at least $0.01 apart",
            ),
        ),
        (
            {"quote": Quote(Decimal("195.00"), Decimal("195.02"))},
            Refusal(
                Reason.STOP_BEYOND_MARKET,
                Reason.STOP_BEYOND_MARKET.meaning,
                "stop 195.00, entry 200.00, target 210.00, market 195.00",
                "$0.01 from it",
            ),
        ),
    ],
)
def test_a_bracket_that_cannot_stand_is_refused_with_its_prices(changes: dict[str, Decimal], refusal: Refusal) -> None:
    assert price(intent(**changes), "large", MONDAY) == refusal


def test_below_a_dollar_a_cent_is_a_hundred_ticks_and_still_the_least_distance() -> None:
    quote = Quote(Decimal("0.6000"), Decimal("0.6010"))
    near = intent(entry=Decimal("0.6"), stop_loss=Decimal("0.5901"), take_profit=Decimal("0.7"), quote=quote)
    far = intent(entry=Decimal("0.6"), stop_loss=Decimal("0.5900"), take_profit=Decimal("0.7"), quote=quote)

    assert [type(price(each, "large", MONDAY)) for each in (near, far)] == [Refusal, Order]


def test_the_payload_is_what_the_exchange_is_sent_numbers_as_text() -> None:
    meant = order()

    assert meant.payload() == {
        "client_order_id": meant.client_order_id,
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "time_in_force": "gtc",
        "order_class": "bracket",
        "qty": "10",
        "limit_price": "200.00",
        "take_profit": {"limit_price": "210.00"},
        "stop_loss": {"stop_price": "195.00"},
    }


@given(brackets())
def test_an_order_restored_from_its_payload_is_the_same(bracket: tuple[Side, Decimal, Decimal, Decimal, Quote]) -> None:
    side, entry, stop, target, quote = bracket
    priced = price(intent(side=side, entry=entry, stop_loss=stop, take_profit=target, quote=quote), "large", MONDAY)

    assert isinstance(priced, Refusal) or restore(priced.payload()) == priced


identities = st.tuples(
    st.integers(min_value=1, max_value=2**63 - 1),
    st.integers(min_value=0, max_value=10**9).map(lambda number: NOW + timedelta(milliseconds=number)),
    st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
    st.sampled_from([ENTRY, "exit-1", "exit-2"]),
)
Identity = tuple[int, datetime, str, str]


def identified(identity: Identity) -> str:
    number, created_at, account, leg = identity
    return client_order_id(recommendation(id=number, created_at=created_at), account, leg)


@given(identities)
def test_an_order_id_is_short_and_of_plain_characters(identity: Identity) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", identified(identity))


@given(st.sets(identities, min_size=2, max_size=2))
def test_order_ids_of_different_recommendations_accounts_or_legs_differ(pair: set[Identity]) -> None:
    one, other = pair

    assert identified(one) != identified(other)


def test_an_order_id_depends_on_nothing_but_identity() -> None:
    plain = client_order_id(recommendation(), "large", ENTRY)
    other = recommendation(symbol="MSFT", plan=None, volatility=None, confidence=None)

    assert client_order_id(other, "large", ENTRY) == plain


@pytest.mark.parametrize("hours", [-12, -5, 0, 5.5, 14])
def test_an_order_id_is_the_same_in_every_zone_and_every_release(hours: float) -> None:
    here = NOW.astimezone(timezone(timedelta(hours=hours)))

    assert client_order_id(recommendation(created_at=here), "large", ENTRY) == "d1-7-entry-ee20884db922ed75cd29"
