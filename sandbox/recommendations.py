"""The rehearsal's recommendations, and the market they meet. Every quote stands still, so every ending is certain."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sandbox.feed import End, Expected, Fed, Prices, Scene

NOW = "2026-11-23T10:00:00-05:00"
"""When the exchange's clock starts: a Monday, half an hour after the open."""

CASH = Decimal(36_000)
MULTIPLIER = Decimal(2)
"""Buying power is $72,000: enough for all that is meant to pass, not for the one that is meant to be too much."""

SMALL_CASH = Decimal(1_500)
"""What every other account has, without margin."""

QUOTES: Mapping[str, tuple[str, str]] = {
    "AAPL": ("232.45", "232.55"),
    "ADBE": ("352.10", "352.20"),
    "AMD": ("158.28", "158.32"),
    "AVGO": ("340.55", "340.65"),
    "BAC": ("51.18", "51.22"),
    "BRK.A": ("739000.00", "739500.00"),
    "CLMB": ("0.9490", "0.9500"),
    "CRM": ("240.10", "240.15"),
    "DIP": ("0.9980", "0.9990"),
    "DIS": ("112.30", "112.35"),
    "GE": ("301.35", "301.45"),
    "GOOGL": ("241.35", "241.45"),
    "HALT": ("20.00", "20.02"),
    "HARD": ("30.00", "30.02"),
    "HD": ("402.05", "402.15"),
    "INTC": ("24.58", "24.62"),
    "JPM": ("308.15", "308.25"),
    "KO": ("67.44", "67.46"),
    "MRK": ("82.13", "82.17"),
    "MSFT": ("509.55", "509.65"),
    "NFLX": ("685.30", "685.40"),
    "ORCL": ("292.45", "292.55"),
    "PEP": ("142.05", "142.15"),
    "PFE": ("24.54", "24.56"),
    "PNNY": ("0.4400", "0.4420"),
    "QCOM": ("171.30", "171.35"),
    "T": ("29.43", "29.45"),
    "UBER": ("95.15", "95.20"),
    "WMT": ("103.20", "103.25"),
    "ZWZZT": ("0.5990", "0.6010"),
}
"""Bid and ask in USD. The four-letter names that no market knows are listed by ASSETS."""

ASSETS: Mapping[str, Mapping[str, object]] = {
    "BRK.A": {"name": "One share costs more than the account has"},
    "CLMB": {"name": "A stock just below one dollar, rising"},
    "DIP": {"name": "A stock just below one dollar, falling"},
    "HALT": {"name": "A stock that is not traded today", "tradable": False},
    "HARD": {"name": "A stock that is hard to borrow", "shortable": False, "easy_to_borrow": False},
    "PNNY": {"name": "A stock worth less than half a dollar"},
}


def plan(entry: Any, stop_loss: Any, take_profit: Any, quantity: Any = None) -> dict[str, Any]:
    """A `reason` in the original's shape, with the prices that upstream computed."""
    prices = {"entry": entry, "stop_loss": stop_loss, "take_profit": take_profit}
    return {
        "rule": "BULL_ENTRY",
        "direction": "LONG",
        "version": "2.0-production",
        "confidence_breakdown": {"base": 0.84, "final": 0.71},
        "plan": prices if quantity is None else prices | {"quantity": quantity},
    }


def moves(vol_ratio: Any) -> dict[str, Any]:
    """A `features_snapshot` in the original's shape."""
    return {"v": 1, "trend_state": 1, "vol_ratio": vol_ratio, "volume_ratio": 2.14, "volume_surge": True}


def stands(limit: str, take_profit: str, stop_loss: str, quantity: int | None, *, end: End = End.FILLED) -> Expected:
    """An order that must stand at the exchange with exactly these prices."""
    shares = None if quantity is None else Decimal(quantity)
    return Expected(end, Prices(Decimal(limit), Decimal(take_profit), Decimal(stop_loss), shares))


def refused(reason: str) -> Expected:
    """No order, for the reason."""
    return Expected(End.REFUSED, reason=reason)


TINY = "tiny"
"""The small account. Most of what is fed is too much for it."""
_TOO_LARGE = {TINY: refused("notional_too_large")}  # size is asked before the bracket is
_NO_SHORT = {TINY: refused("action_not_allowed")}
_NOT_SURE_ENOUGH = {TINY: refused("confidence_too_low")}

OFF_TICK = plan(685.40, 678.5462, 699.7462, 5)
_CROSSED = plan(232.5, 240, 250, 5)
_RESTING = plan(110.00, 106.50, 117.00, 10)

_PASS = (
    Fed(
        "take-profit-off-tick",
        "the price that broke production: a target of 699.7462 becomes 699.75, never a sub-penny order",
        stands("685.40", "699.75", "678.55", 5),
        "NFLX",
        reason=OFF_TICK,
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "below-one-dollar",
        "below $1.00 prices keep four decimals; rounding to cents would move them by a per cent",
        stands("0.6012", "0.6613", "0.5713", 1000),
        "ZWZZT",
        reason=plan(0.60129, 0.57123, 0.66128, 1000),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "target-crosses-a-dollar",
        "a target of 0.99996 rounds up into the tier of cents and becomes 1.00",
        stands("0.95", "1.00", "0.91", 2000),
        "CLMB",
        reason=plan(0.95, 0.91, 0.99996, 2000),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "entry-crosses-a-dollar",
        "an entry of 1.00001 is above a dollar: a buyer pays no more than 1.00; its stop keeps four decimals",
        stands("1.00", "1.11", "0.9556", 1500),
        "DIP",
        reason=plan(1.00001, 0.95555, 1.1042, 1500),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "plain",
        "an ordinary bracket fills at the ask, below its limit",
        stands("158.40", "165.00", "155.00", 40),
        "AMD",
        reason=plan(158.40, 155.00, 165.00, 40),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "another-plain",
        "and another, so that there is more than one",
        stands("308.25", "320.55", "302.10", 20),
        "JPM",
        reason=plan(308.25, 302.10, 320.55, 20),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "sized-by-risk",
        "a plan without a quantity is sized so that the stop costs 1 % of equity",
        stands("24.56", "28.54", "22.58", 181),
        "PFE",
        reason=plan(24.56, 22.5749, 28.54),
        confidence=0.5,
        otherwise=_NOT_SURE_ENOUGH,
    ),
    Fed(
        "short",
        "a short sale: its limit rounds up, its stop and its target down",
        stands("24.56", "22.60", "25.55", 100),
        "INTC",
        action="SELL",
        reason=plan(24.5512, 25.5549, 22.6081, 100),
        otherwise=_NO_SHORT,
    ),
    Fed(
        "no-plan",
        "without a plan the policy prices it from quote and volatility; size is capped at a fifth of equity",
        stands("67.46", "71.51", "65.44", 106),
        "KO",
        features=moves(1.0),
        confidence=0.5,
        otherwise=_NOT_SURE_ENOUGH,
    ),
    Fed(
        "no-plan-volatile",
        "twice the volatility, twice the distance, and risk decides the size",
        stands("103.25", "115.64", "97.06", 58),
        "WMT",
        features=moves(2.0),
        confidence=0.5,
        otherwise=_NOT_SURE_ENOUGH,
    ),
    Fed(
        "no-plan-short",
        "the policy prices a short sale from the bid",
        stands("51.18", "46.57", "53.48", 140),
        "BAC",
        action="SELL",
        features=moves(1.5),
        otherwise=_NO_SHORT,
    ),
    Fed(
        "resting",
        "a bid below the market rests: ACCEPTED, not EXECUTED",
        stands("110.00", "117.00", "106.50", 10, end=End.RESTING),
        "DIS",
        reason=_RESTING,
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "resting-off-tick",
        "a resting bid with three prices off the tick",
        stands("295.12", "306.93", "289.23", 5, end=End.RESTING),
        "GE",
        reason=plan(295.1234, 289.2209, 306.9283, 5),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "resting-short",
        "a short sale above the market rests",
        stands("300.00", "288.00", "306.00", 5, end=End.RESTING),
        "ORCL",
        action="SELL",
        reason=plan(300, 306, 288, 5),
        otherwise=_NO_SHORT,
    ),
    Fed(
        "resting-below-one-dollar",
        "a resting bid of 0.43219 becomes 0.4321: a buyer pays no more than recommended",
        stands("0.4321", "0.4654", "0.4100", 2000, end=End.RESTING),
        "PNNY",
        reason=plan(0.43219, 0.41, 0.4654, 2000),
        otherwise=_TOO_LARGE,
    ),
)

_REFUSED = (
    Fed("crossed", "a stop above the entry", refused("bracket_crossed"), "AAPL", reason=_CROSSED, otherwise=_TOO_LARGE),
    Fed(
        "broken-by-rounding",
        "a stop less than a cent below the entry: rounding puts both on the same tick",
        refused("bracket_crossed"),
        "MSFT",
        reason=plan(509.604, 509.5962, 520, 5),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "stop-beyond-market",
        "a stop above the market would sell at once",
        refused("stop_beyond_market"),
        "GOOGL",
        reason=plan(245, 242, 250, 5),
        otherwise=_TOO_LARGE,
    ),
    Fed("no-action", "no action", refused("malformed"), "T", action=None, reason=plan(29, 28, 31, 5)),
    Fed("nonsense-action", "the action HOLD", refused("malformed"), "T", action="HOLD", reason=plan(29, 28, 31, 5)),
    Fed("no-ticker", "no ticker", refused("malformed"), None, reason=plan(29, 28, 31, 5)),
    Fed("nonsense-ticker", "a ticker that is no symbol", refused("malformed"), "t'; --", reason=plan(29, 28, 31, 5)),
    Fed("text-prices", "prices as text", refused("malformed"), "T", reason=plan("29", "28", "31", 5)),
    Fed("not-a-number", "a price that is NaN", refused("malformed"), "T", reason=plan("NaN", 28, 31, 5)),
    Fed("negative", "a negative stop", refused("malformed"), "T", reason=plan(29, -28, 31, 5)),
    Fed("half-a-plan", "a plan without a target", refused("malformed"), "T", reason=plan(29, 28, None, 5)),
    Fed("half-a-share", "two and a half shares", refused("malformed"), "T", reason=plan(29, 28, 31, 2.5)),
    Fed("plan-is-a-list", "a plan that is a list", refused("malformed"), "T", reason={"plan": [29, 28, 31]}),
    Fed("reason-is-text", "a reason that is text", refused("malformed"), "T", reason="BULL_ENTRY", features=moves(1.0)),
    Fed("volatility-is-text", "a volatility that is text", refused("malformed"), "T", features=moves("high")),
    Fed("no-prices", "neither a plan nor a volatility", refused("no_plan"), "T", reason={"rule": "BULL_ENTRY"}),
    Fed(
        "stale",
        "an hour old: the market it was meant for is gone",
        refused("stale"),
        "UBER",
        reason=plan(95.2, 93, 99, 5),
        age=timedelta(hours=1),
    ),
    Fed(
        "from-the-future",
        "created in an hour: some clock is wrong, and it is not the broker's",
        refused("from_the_future"),
        "UBER",
        reason=plan(95.2, 93, 99, 5),
        age=timedelta(hours=-1),
    ),
    Fed(
        "too-large",
        "$27,252 in one order; the account's limit is $25,000",
        refused("notional_too_large"),
        "AVGO",
        reason=plan(340.65, 330, 360, 80),
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "less-than-a-share",
        "risk allows less than one share, and a bracket cannot be fractional",
        refused("quantity_zero"),
        "BRK.A",
        reason=plan(739_500, 735_000, 750_000),
    ),
    Fed(
        "option",
        "a call: this account may not trade options",
        refused("action_not_allowed"),
        "AAPL",
        instrument="CALL",
        reason=plan(232.5, 225, 245, 1),
    ),
    Fed(
        "unsure",
        "a confidence of 0.20; the account wants 0.35",
        refused("confidence_too_low"),
        "UBER",
        reason=plan(95.2, 93, 99, 5),
        confidence=0.20,
        otherwise=_NOT_SURE_ENOUGH,
    ),
    Fed(
        "no-confidence",
        "no confidence at all is not enough either",
        refused("confidence_too_low"),
        "UBER",
        reason=plan(95.2, 93, 99, 5),
        confidence=None,
    ),
    Fed(
        "confidence-is-nan",
        "a confidence that is no number",
        refused("malformed"),
        "UBER",
        reason=plan(95.2, 93, 99, 5),
        confidence=float("nan"),
    ),
    Fed("unknown-symbol", "a symbol nobody knows", refused("unknown_symbol"), "NOSUCH", reason=plan(10, 9, 12, 5)),
    Fed("not-tradable", "a halted stock", refused("not_tradable"), "HALT", reason=plan(20, 19, 22, 5)),
    Fed(
        "hard-to-borrow",
        "a short sale of what cannot be borrowed easily",
        refused("not_shortable"),
        "HARD",
        action="SELL",
        reason=plan(30, 31, 28, 5),
        otherwise=_NO_SHORT,
    ),
)

_AGAIN = (
    Fed(
        "filled-twice",
        "upstream writes the first one again: there is a position already",
        refused("duplicate_position"),
        "NFLX",
        reason=OFF_TICK,
        otherwise=_TOO_LARGE,
    ),
    Fed(
        "resting-twice",
        "upstream writes a resting one again: there is an open order already",
        refused("duplicate_position"),
        "DIS",
        reason=_RESTING,
        otherwise=_TOO_LARGE,
    ),
)

_LOST_ANSWER = Fed(
    "lost-answer",
    "the exchange takes the order and its gateway answers 504: looked up by our own id, not sent twice",
    stands("82.17", "86.00", "80.00", 25),
    "MRK",
    reason=plan(82.17, 80, 86, 25),
    otherwise=_TOO_LARGE,
)

_THROTTLED = Fed(
    "throttled",
    "the exchange says 429: the same order id is sent again, and stands once",
    stands("142.15", "148.00", "139.00", 10),
    "PEP",
    reason=plan(142.15, 139, 148, 10),
    requests=2,
    otherwise=_TOO_LARGE,
)

_TOO_MUCH = Fed(
    "beyond-buying-power",
    "$24,129, within the limit per order, but more than is left",
    refused("buying_power"),
    "HD",
    reason=plan(402.15, 390, 420, 60),
    otherwise=_TOO_LARGE,
)

SCENES = (
    Scene("all at once", (*_PASS, *_REFUSED)),
    Scene("the same again", _AGAIN),
    Scene(
        "a lost answer",
        (_LOST_ANSWER,),
        fault={"route": "POST /v2/orders", "kind": "504-html", "applied": True, "times": 1},
    ),
    Scene("throttled", (_THROTTLED,), fault={"route": "POST /v2/orders", "kind": "429-bare", "times": 1}),
    Scene("too much", (_TOO_MUCH,)),
)
