"""Everything that was weighed for an option order, kept with the decision: plain values that a database can hold."""

from dataclasses import asdict, dataclass
from decimal import Decimal

from dispatcher.core.options.chain import Underlying
from dispatcher.core.options.choice import Candidate
from dispatcher.core.options.kelly import Sized
from dispatcher.core.options.trade import Single, Trade
from dispatcher.core.options.volatility import NoVolatility, Ranked, Thirty, Unranked

Json = dict[str, object]
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Rationale:
    """What is known of a decision, as far as it went."""

    spot: Underlying | None = None
    iv: Thirty | NoVolatility | None = None
    ranked: Ranked | Unranked | None = None
    candidates: tuple[Candidate, ...] = ()
    trade: Trade | None = None
    sized: Sized | None = None
    stated: int | None = None
    """The quantity that the recommendation states, which is not ours to choose."""

    def document(self) -> Json:
        """As JSON would have it; numbers as text, so that none is rounded on the way."""
        return {
            "spot": None if self.spot is None else str(self.spot.amount),
            "volatility": _plain(self.iv),
            "rank": _plain(self.ranked),
            "candidates": [_candidate(each) for each in self.candidates],
            "trade": None if self.trade is None else _trade(self.trade),
            "size": _plain(self.sized),
            "stated_quantity": self.stated,
        }


def _candidate(each: Candidate) -> Json:
    listed, quote, greeks = each.listed, each.listed.quote, each.listed.greeks
    return {
        "symbol": listed.symbol,
        "days": each.days,
        "strike": str(listed.contract.strike),
        "bid": None if quote is None else str(quote.bid),
        "ask": None if quote is None else str(quote.ask),
        "spread": _text(each.spread),
        "volume": listed.volume,
        "open_interest": listed.open_interest,
        "iv": _text(listed.iv),
        "delta": None if greeks is None else _text(greeks.delta),
        "modelled": listed.modelled,
        "score": None if each.score is None else str(each.score),
        "exclusions": [reason.value for reason in each.exclusions],
    }


def _trade(trade: Trade) -> Json:
    bought = trade.bought
    about: Json = {
        "loss": str(trade.loss),
        "cost": str(trade.cost),
        "bought": bought.symbol,
        "iv": _text(bought.iv),
        "delta": None if bought.greeks is None else _text(bought.greeks.delta),
        "theta": None if bought.greeks is None else _text(bought.greeks.theta),
    }
    about |= {"first_limit": str(trade.first), "bound": str(trade.bound)}
    return about if isinstance(trade, Single) else about | {"sold": trade.sold.symbol, "width": str(trade.width)}


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(round(amount, DECIMALS))


def _plain(value: object) -> object:
    """A frozen value as JSON: named after what it is, so that undefined is not mistaken for a number."""
    if value is None:
        return None
    return {"kind": type(value).__name__.lower()} | {key: _shown(each) for key, each in asdict(value).items()}  # type: ignore[call-overload]


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    return value if value is None or isinstance(value, bool | int | float) else str(value)
