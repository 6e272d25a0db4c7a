"""How many contracts: Kelly from our own closed trades, shrunk, fractional and capped; a fixed fraction before that.

With p the probability to win, W the fraction of the stake won and L the fraction lost, growth is fastest when the
stake is f = p / L - q / W of the equity (Kelly 1956, Bell System Technical Journal 35; Thorp 2006, "The Kelly Criterion
in Blackjack, Sports Betting and the Stock Market", section 3). Estimates from few trades promise too much, so p is
shrunk towards the probability at which there is no edge, L / (W + L), and only a share of f is risked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from contract.options import Contracts

ZERO, ONE = Decimal(0), Decimal(1)
PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Edge:
    """What the closed trades say. `win` and `loss` are mean fractions of the stake; `probability` is shrunk."""

    trades: int
    wins: int
    win: Decimal
    loss: Decimal
    probability: Decimal
    fraction: Decimal
    """The full Kelly fraction of equity to stake; 0 where there is no edge."""


def edge(gains: Sequence[Decimal], prior_trades: int) -> Edge:
    """The edge in closed trades, each a gain as a fraction of its stake (-1: all of it lost).

    `prior_trades` is how many trades without an edge are believed beside them. Where none was lost, a loss is assumed
    to be the whole stake: that none was seen does not say how large one is.
    """
    won = [gain for gain in gains if gain > 0]
    lost = [-gain for gain in gains if gain <= 0]
    win = sum(won, ZERO) / len(won) if won else ZERO
    loss = (sum(lost, ZERO) / len(lost) if lost else ONE) or ONE
    if not won:
        return Edge(len(gains), 0, ZERO, loss.quantize(PLACES), ZERO, ZERO)
    no_edge = loss / (win + loss)
    probability = (len(won) + prior_trades * no_edge) / (len(gains) + prior_trades)
    full = max(ZERO, probability / loss - (1 - probability) / win)
    return Edge(
        trades=len(gains),
        wins=len(won),
        win=win.quantize(PLACES),
        loss=loss.quantize(PLACES),
        probability=probability.quantize(PLACES),
        fraction=full.quantize(PLACES),
    )


@dataclass(frozen=True, slots=True)
class Sized:
    """A number of contracts and how it came about. `fraction` of equity, `budget` in USD at risk."""

    contracts: int
    fraction: Decimal
    budget: Decimal
    bound_by: str
    """Which of the bounds decided, in words."""
    edge: Edge
    by_kelly: bool


@dataclass(frozen=True, slots=True)
class Caps:
    """What bounds a trade, beside the fraction: the most it may lose and cost in USD, and contracts per order."""

    loss: Decimal
    notional: Decimal
    contracts: int


def size(
    gains: Sequence[Decimal],
    policy: Contracts,
    caps: Caps,
    *,
    equity: Decimal,
    loss: Decimal,
    cost: Decimal,
    share: Decimal = ONE,
) -> Sized:
    """The number of contracts; 0 is an answer, never rounded up to one.

    `loss` is what one contract can lose at most, `cost` what it counts against the notional limit, both USD and above
    0; `share` scales the size down where something is not known.
    """
    found = edge(gains, policy.prior_trades)
    by_kelly = found.trades >= policy.min_trades
    wanted = found.fraction * policy.kelly_fraction if by_kelly else policy.fixed_fraction
    fraction = min(wanted, policy.max_fraction) * share
    budget = max(ZERO, equity) * fraction
    bounds = {
        "kelly" if by_kelly else "fixed fraction": _whole(budget / loss),
        "max_loss_per_trade": _whole(caps.loss / loss),
        "max_notional_per_order": _whole(caps.notional / cost),
        "max_contracts_per_order": caps.contracts,
    }
    decided = min(bounds, key=lambda name: bounds[name])
    return Sized(bounds[decided], fraction.quantize(PLACES), budget.quantize(Decimal("0.01")), decided, found, by_kelly)


def _whole(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_FLOOR))
