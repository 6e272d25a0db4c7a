"""The market data API's tables of the codes that stand in quotes and trades."""

from collections.abc import Callable, Mapping

from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse

Codes = Mapping[str, str]

STOCK_EXCHANGES: Codes = {
    "A": "NYSE American (AMEX)",
    "C": "National Stock Exchange",
    "D": "FINRA ADF",
    "J": "Cboe EDGA",
    "K": "Cboe EDGX",
    "M": "Chicago Stock Exchange",
    "N": "New York Stock Exchange",
    "P": "NYSE Arca",
    "Q": "NASDAQ",
    "V": "IEX",
    "Y": "Cboe BYX",
    "Z": "Cboe BZX",
}
OPTION_EXCHANGES: Codes = {
    "A": "AMEX - NYSE American",
    "C": "CBOE - Cboe Options Exchange",
    "N": "NYSE - NYSE Arca",
    "Q": "NASD - NASDAQ Options",
}
_STOCKS: Mapping[str, Codes] = {
    "trade": {
        "@": "Regular Sale",
        "6": "Closing Prints",
        "F": "Intermarket Sweep",
        "I": "Odd Lot Trade",
        "M": "Market Center Official Close",
        "O": "Opening Prints",
        "Q": "Market Center Official Open",
        "T": "Form T",
        "U": "Extended Hours (Sold Out of Sequence)",
    },
    "quote": {"A": "Slow Quote Offer Side", "B": "Slow Quote Bid Side", "R": "Regular Market Maker Open", "?": "None"},
}
_OPTIONS: Mapping[str, Codes] = {
    "trade": {"I": "AUTO", "J": "REOP", "R": "SPRD", "S": "ISOI", "a": "SLAN", "f": "MLET", "g": "MLAT"},
    "quote": {"A": "AUTO", "B": "Bid contains customer", "O": "Offer contains customer", "F": "Not firm"},
}


def _by_ticktype(tables: Mapping[str, Codes]) -> Callable[[Call], Reply]:
    def answer(call: Call) -> Reply:
        found = tables.get(call.params["ticktype"])
        if found is None:
            raise refuse("query_invalid", field="ticktype")
        return ok(found)

    return answer


def stock_conditions(call: Call) -> Reply:
    """GET /v2/stocks/meta/conditions/{ticktype}?tape=…; the tapes share their codes here."""
    if call.query.get("tape") not in ("A", "B", "C"):
        raise refuse("query_invalid", field="tape")
    return _by_ticktype(_STOCKS)(call)


option_conditions = _by_ticktype(_OPTIONS)


def stock_exchanges(_: Call) -> Reply:
    """GET /v2/stocks/meta/exchanges."""
    return ok(STOCK_EXCHANGES)


def option_exchanges(_: Call) -> Reply:
    """GET /v1beta1/options/meta/exchanges."""
    return ok(OPTION_EXCHANGES)
