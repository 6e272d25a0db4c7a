"""What a symbol is: a share, or an option contract whose symbol says everything about it."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

OCC = re.compile(r"([A-Z]{1,6}\d?)(\d{6})([CP])(\d{8})")
"""Root, expiry, call or put, strike × 1000: the form without padding (docs/broker-rules.md, "Options")."""
SHARES_OF_A_CONTRACT = 100
THOUSAND = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Contract:
    """An option contract. `strike` in USD; `expires` is its last trading day."""

    underlying: str
    expires: date
    call: bool
    strike: Decimal

    @property
    def series(self) -> tuple[str, date, bool]:
        """Underlying, expiry and kind: two contracts of one series are the legs of a vertical spread."""
        return self.underlying, self.expires, self.call


@lru_cache(maxsize=65_536)
def contract(symbol: str) -> Contract | None:
    """The contract that the symbol names; None for a share."""
    found = OCC.fullmatch(symbol)
    if found is None:
        return None
    underlying, expires, kind, strike = found.groups()
    try:
        day = datetime.strptime(expires, "%y%m%d").date()  # noqa: DTZ007  a date has no zone
    except ValueError:
        return None
    return Contract(underlying, day, kind == "C", Decimal(strike) / THOUSAND)


def multiplier(symbol: str) -> int:
    """Shares that one unit of the symbol stands for."""
    return 1 if contract(symbol) is None else SHARES_OF_A_CONTRACT
