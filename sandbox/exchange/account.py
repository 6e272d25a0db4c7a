"""One trading account: its cash, its positions, and what its open orders keep back."""

from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.exchange.orders import ZERO
from sandbox.exchange.portfolio import Hold, Position, traded
from sandbox.exchange.valuation import Prices, Valuation

COLLATERAL = "short "  # what positions keep back, and no order, is held under names that begin so
MARGIN_EQUITY = Decimal(2_000)  # USD; below it an account has no margin and sells nothing short
MOST_IN_ONE = 6  # a holding above 600 % of the equity restricts the account to closing


@dataclass(frozen=True, slots=True)
class Watchlist:
    """A named list of stocks; instants in ns UTC."""

    id: str
    name: str
    created_at: int
    updated_at: int
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Locate:
    """Shares found to sell short until `expires_at` (ns UTC), for `price` USD each; or why none were.

    `asked` is symbol, shares, the highest fee for each, and whether it was all or none.
    """

    id: str
    symbol: str
    key: str
    asked: tuple[str, int, str | None, bool]
    created_at: int
    expires_at: int
    located_qty: int
    price: Decimal
    rejection: str | None = None

    def status(self, now: int) -> str:
        """Tell what has become of it."""
        if self.rejection:
            return "rejected"
        return "active" if now < self.expires_at else "expired"


@dataclass(slots=True)
class Account:
    """Money in USD. Only the exchange changes it, always through the methods here."""

    number: str
    id: str
    key: str
    secret: str
    cash: Decimal
    multiplier: Decimal
    created_at: int
    last_equity: Decimal
    shorting_enabled: bool = True
    trading_blocked: bool = False
    closing_only: bool = False
    suspended: bool = False
    options_level: int = 3
    positions: dict[str, Position] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    held_cash: Decimal = ZERO
    held_shares: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    held_totals: dict[str, Decimal] = field(default_factory=dict)
    configurations: dict[str, object] = field(default_factory=dict)
    watchlists: dict[str, Watchlist] = field(default_factory=dict)
    locates: dict[str, Locate] = field(default_factory=dict)
    _valuation: Valuation = field(default_factory=Valuation)

    @property
    def options_trading_level(self) -> int:
        """The options level in force: the approved one, or what the account limits itself to."""
        wished = self.configurations.get("max_options_trading_level")
        return min(self.options_level, wished) if isinstance(wished, int) else self.options_level

    def allows(self, configuration: str) -> bool:
        """Tell whether one of the account's own switches is on."""
        return bool(self.configurations.get(configuration))

    def located(self, symbol: str, now: int) -> int:
        """Shares of a stock that are located to be sold short."""
        mine = (x for x in self.locates.values() if x.symbol == symbol and x.status(now) == "active")
        return sum(x.located_qty for x in mine)

    def qty(self, symbol: str) -> Decimal:
        """Shares held, negative when short."""
        position = self.positions.get(symbol)
        return ZERO if position is None else position.qty

    def held(self, symbol: str) -> Decimal:
        """Shares that open closing orders keep back."""
        return self.held_totals.get(symbol, ZERO)

    def related(self, symbol: str) -> list[str]:
        """The orders that keep shares back."""
        return [order for order in self.held_shares.get(symbol, {}) if not order.startswith(COLLATERAL)]

    def hold(self, order: str, symbol: str, hold: Hold) -> None:
        """Set what an order keeps back; an empty hold releases it."""
        before = self.holds.pop(order, None)
        if before is not None:
            self.held_cash -= before.cash
            released = self.held_shares.get(symbol, {}).pop(order, ZERO)
            self.held_totals[symbol] = self.held(symbol) - released
        if hold.cash or hold.shares:
            self.holds[order] = hold
            self.held_cash += hold.cash
        if hold.shares:
            self.held_shares.setdefault(symbol, {})[order] = hold.shares
            self.held_totals[symbol] = self.held(symbol) + hold.shares

    def trade(self, position: Position, change: Decimal, price: Decimal) -> Decimal:
        """Book a trade of `change` shares at a price; `position` is the empty one if none is held.

        Returns the shares held afterwards.
        """
        held = self.positions.get(position.symbol, position)
        after = traded(held, change, price)
        self.cash -= change * price * after.multiplier
        if after.qty:
            self.positions[position.symbol] = after
        else:
            self.positions.pop(position.symbol, None)
        self._valuation.moved(position.symbol)
        return after.qty

    def hold_instead(self, positions: dict[str, Position]) -> None:
        """Hold other positions than before."""
        self.positions = positions
        self._valuation.forget()

    def valuation(self, prices: Prices) -> Valuation:
        """What everything held is worth."""
        self._valuation.bring_up_to_date(self.positions, prices)
        return self._valuation

    def equity(self, prices: Prices) -> Decimal:
        """Cash and what everything held is worth."""
        return self.cash + self.valuation(prices).net

    def leverage(self, equity: Decimal) -> Decimal:
        """The multiplier in force: none below the minimum equity of a margin account."""
        return self.multiplier if equity >= MARGIN_EQUITY else min(self.multiplier, Decimal(1))

    def concentrated(self, prices: Prices) -> bool:
        """Whether one holding is worth so much of the equity that only closing is allowed."""
        held = self.valuation(prices)
        most = MOST_IN_ONE * (self.cash + held.net)
        return held.gross > most and held.most() > most  # what all of it is not worth, no holding is

    def buying_power(self, prices: Prices) -> Decimal:
        """Equity times the multiplier, less what is held and what open orders keep back."""
        held = self.valuation(prices)
        equity = self.cash + held.net
        return max(ZERO, self.leverage(equity) * equity - held.gross - self.held_cash)

    def free_cash(self, prices: Prices) -> Decimal:
        """Buying power without margin: what options and fractional buys are paid from."""
        return max(ZERO, min(self.cash - self.held_cash, self.equity(prices)))
