"""The stocks this exchange lists, with made-up identities that never change."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

_NAMESPACE = uuid.UUID("0d5a1c1e-6a1b-4f0e-9f1e-5d2f7b8a9c10")


@dataclass(frozen=True, slots=True)
class Asset:
    """One stock and what may be done with it. `anchor` is the price its walk moves around, USD."""

    symbol: str
    name: str
    exchange: str
    anchor: Decimal
    status: str = "active"
    tradable: bool = True
    marginable: bool = True
    shortable: bool = True
    easy_to_borrow: bool = True
    fractionable: bool = True
    penny_options: bool = True
    optionable: bool = True
    ipo: bool = False
    partnership: bool = False

    @property
    def attributes(self) -> list[str]:
        """What Alpaca lists of it: options, an offering before its first trade, a partnership (PTP)."""
        named = {"has_options": self.optionable, "ipo": self.ipo, "ptp_no_exception": self.partnership}
        return [name for name, given in named.items() if given]

    @property
    def id(self) -> str:
        """The same symbol has the same id in every run."""
        return identity(self.symbol)

    @property
    def underlying(self) -> str:
        """What its price follows: itself."""
        return self.symbol

    @property
    def asset_class(self) -> str:
        """What Alpaca calls it."""
        return "us_equity"

    @property
    def multiplier(self) -> int:
        """A share is a share."""
        return 1

    @property
    def active(self) -> bool:
        """Whether it is listed at all."""
        return self.status == "active"


@lru_cache(maxsize=65_536)
def identity(symbol: str) -> str:
    """Give the id a symbol has on this exchange, in every run."""
    return str(uuid.uuid5(_NAMESPACE, symbol))


_LISTED = """
AAPL NASDAQ 232.50 Apple Inc. Common Stock
ABBV NYSE 195.20 AbbVie Inc.
ADBE NASDAQ 289.40 Adobe Inc.
AMD NASDAQ 158.30 Advanced Micro Devices, Inc.
AMZN NASDAQ 228.10 Amazon.com, Inc.
AVGO NASDAQ 340.60 Broadcom Inc.
BA NYSE 205.75 The Boeing Company
BAC NYSE 51.20 Bank of America Corporation
BRK.B NYSE 492.00 Berkshire Hathaway Inc. Class B
C NYSE 98.40 Citigroup Inc.
COIN NASDAQ 301.15 Coinbase Global, Inc.
COST NASDAQ 921.30 Costco Wholesale Corporation
CRM NYSE 244.80 Salesforce, Inc.
CSCO NASDAQ 68.90 Cisco Systems, Inc.
CVX NYSE 152.60 Chevron Corporation
DIA ARCA 464.20 SPDR Dow Jones Industrial Average ETF
DIS NYSE 112.35 The Walt Disney Company
F NYSE 11.85 Ford Motor Company
GE NYSE 301.40 GE Aerospace
GM NYSE 58.25 General Motors Company
GOOG NASDAQ 241.90 Alphabet Inc. Class C
GOOGL NASDAQ 241.40 Alphabet Inc. Class A
HD NYSE 402.10 The Home Depot, Inc.
IBM NYSE 262.75 International Business Machines
INTC NASDAQ 24.60 Intel Corporation
IWM ARCA 241.80 iShares Russell 2000 ETF
JNJ NYSE 178.30 Johnson & Johnson
JPM NYSE 308.20 JPMorgan Chase & Co.
KO NYSE 67.45 The Coca-Cola Company
LLY NYSE 752.90 Eli Lilly and Company
MA NYSE 588.40 Mastercard Incorporated
MCD NYSE 303.60 McDonald's Corporation
META NASDAQ 741.20 Meta Platforms, Inc.
MRK NYSE 82.15 Merck & Co., Inc.
MSFT NASDAQ 509.60 Microsoft Corporation
MU NASDAQ 157.20 Micron Technology, Inc.
NFLX NASDAQ 699.70 Netflix, Inc.
NKE NYSE 73.85 NIKE, Inc.
NVDA NASDAQ 177.80 NVIDIA Corporation
ORCL NYSE 292.50 Oracle Corporation
PEP NASDAQ 142.10 PepsiCo, Inc.
PFE NYSE 24.55 Pfizer Inc.
PLTR NASDAQ 171.90 Palantir Technologies Inc.
PYPL NASDAQ 67.30 PayPal Holdings, Inc.
QCOM NASDAQ 161.40 QUALCOMM Incorporated
QQQ NASDAQ 589.30 Invesco QQQ Trust
SHOP NASDAQ 143.60 Shopify Inc.
SNOW NYSE 222.40 Snowflake Inc.
SPY ARCA 658.90 SPDR S&P 500 ETF Trust
T NYSE 29.45 AT&T Inc.
TSLA NASDAQ 395.90 Tesla, Inc.
UBER NYSE 95.20 Uber Technologies, Inc.
UNH NYSE 340.70 UnitedHealth Group Incorporated
V NYSE 341.30 Visa Inc.
WFC NYSE 80.60 Wells Fargo & Company
WMT NYSE 103.25 Walmart Inc.
XOM NYSE 112.80 Exxon Mobil Corporation
ZM NASDAQ 84.10 Zoom Communications, Inc.
ZVZZT NASDAQ 10.00 NASDAQ test stock
ZWZZT NASDAQ 0.60 NASDAQ test stock below one dollar
"""


def _listed() -> Iterator[Asset]:
    for line in _LISTED.strip().splitlines():
        symbol, exchange, anchor, name = line.split(" ", 3)
        yield Asset(symbol, name, exchange, Decimal(anchor))


LISTED: Mapping[str, Asset] = {asset.symbol: asset for asset in _listed()}


class Listing:
    """The assets of one exchange, changed only by whoever runs it."""

    def __init__(self, extra: Mapping[str, Mapping[str, object]]) -> None:
        """List the built-in stocks, and those given, by symbol."""
        self._assets: dict[str, Asset] = dict(LISTED)
        self.changes = 0
        """How often somebody has changed what is listed."""
        self._symbols = {asset.id: symbol for symbol, asset in self._assets.items()}
        for symbol, facts in extra.items():
            self.change(symbol, facts)

    def find(self, symbol_or_id: str) -> Asset | None:
        """Look an asset up by symbol or id."""
        found = self._assets.get(symbol_or_id)
        return found or self._assets.get(self._symbols.get(symbol_or_id, ""))

    def all(self) -> tuple[Asset, ...]:
        """List every asset by symbol."""
        return tuple(self._assets[symbol] for symbol in sorted(self._assets))

    def changed(self) -> dict[str, dict[str, object]]:
        """Give the facts of every asset that is not as it was listed at first."""
        now = ((symbol, asset) for symbol, asset in self._assets.items() if LISTED.get(symbol) != asset)
        return {symbol: {k: v for k, v in asdict(asset).items() if k != "symbol"} for symbol, asset in now}

    def change(self, symbol: str, facts: Mapping[str, object]) -> Asset:
        """Change what may be done with an asset, or list a new one.

        Raises ValueError for a fact that no asset has, TypeError for a wrong kind of value.
        """
        known = self._assets.get(symbol) or Asset(symbol, symbol, "NASDAQ", Decimal(100))
        asset = replace(known, **{key: _fact(key, value) for key, value in facts.items()})
        self._assets[symbol] = asset
        self.changes += 1
        self._symbols[asset.id] = symbol
        return asset


def _fact(key: str, value: object) -> Any:
    if key not in Asset.__dataclass_fields__ or key == "symbol":
        raise ValueError(f"an asset has no {key}; it has {', '.join(Asset.__dataclass_fields__)}")
    if key == "anchor":
        return Decimal(str(value))
    if not isinstance(value, str | bool):
        raise TypeError(f"{key} must be a text or a boolean, not {value!r}")
    return value
