"""What can be traded: stocks and option contracts, found by symbol or id and quoted."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from sandbox.exchange import contracts, option_pricing, sessions
from sandbox.exchange.assets import Asset, Listing
from sandbox.exchange.clock import Clock
from sandbox.exchange.contracts import Contract
from sandbox.exchange.errors import refuse
from sandbox.exchange.market import Bar, Market, Quote, samples_of
from sandbox.exchange.option_pricing import Moment
from sandbox.exchange.portfolio import Position

Instrument = Asset | Contract
_ID_LENGTH = 36  # of a UUID as it is written


class Instruments:
    """Everything listed, and what it costs at any moment (ns UTC)."""

    def __init__(self, listing: Listing, market: Market, clock: Clock, seed: int) -> None:
        """Stand on the listing, the market and the clock."""
        self._listing = listing
        self._market = market
        self._clock = clock
        self._seed = seed
        self._shown: dict[str, str] = {}

    def stock(self, symbol: str) -> Asset:
        """Find a stock by symbol or id. Raises Refused: asset "X" not found."""
        found = self._listing.find(symbol)
        if found is None:
            raise refuse("asset_not_found", symbol=symbol)
        return found

    def named(self, symbol_or_id: str) -> str:
        """Give the symbol of a stock, or of a contract shown before, that is named by its id; else what was given."""
        if len(symbol_or_id) != _ID_LENGTH:
            return symbol_or_id
        given = symbol_or_id.lower()
        stock = self._listing.find(given)
        return stock.symbol if stock is not None else self._shown.get(given, symbol_or_id)

    def option(self, symbol_or_id: str) -> Contract | None:
        """Find a contract by symbol, or by an id that was shown before."""
        symbol = self._shown.get(symbol_or_id, symbol_or_id)
        parts = contracts.taken_apart(symbol)
        asset = None if parts is None else self._underlying(parts[0])
        if parts is None or asset is None:
            return None
        _, expires, kind, strike = parts
        today = sessions.eastern_day(self._clock.now())
        if not contracts.exists(asset, expires, strike, today):
            return None
        return self.remember(contracts.contract(asset, expires, kind, strike))

    def _underlying(self, root: str) -> Asset | None:
        """Find the stock of an option root; roots have no dots."""
        found = self._listing.find(root)
        return found or next((a for a in self._listing.all() if a.symbol.replace(".", "") == root), None)

    def remember(self, contract: Contract) -> Contract:
        """Let a contract that is shown be found by its id."""
        self._shown[contract.id] = contract.symbol
        return contract

    def find(self, symbol: str) -> Instrument:
        """Find a stock or a contract. Raises Refused when there is none."""
        if not contracts.is_contract(symbol):
            return self.stock(symbol)
        return self.contract(symbol)

    def contract(self, symbol: str) -> Contract:
        """Find a contract. Raises Refused: contract "X" is not found."""
        found = self.option(symbol)
        if found is None:
            raise refuse("contract_not_found", symbol=symbol)
        return found

    def chain(self, underlying: str) -> Iterator[Contract]:
        """List a stock's contracts as offered now."""
        asset = self.stock(underlying)
        today = sessions.eastern_day(self._clock.now())
        spot = self.spot(underlying, self._clock.now())
        return (self.remember(c) for c in contracts.chain(asset, spot, today))

    def past_chain(self, underlying: str, first: date, last: date) -> Iterator[Contract]:
        """List a stock's contracts that expired between two days, both included, as they were at their end."""
        asset = self.stock(underlying)
        for expires in contracts.past_expirations(underlying, first, last):
            price = self._market.traded(underlying, asset.anchor, contracts.close_of(expires))
            yield from (self.remember(c) for c in contracts.past_chain(asset, expires, price))

    def is_offered(self, symbol: str, at: int) -> bool:
        """Tell whether something could be traded at a moment; a stock always could."""
        if not contracts.is_contract(symbol):
            return True
        found = self.contract(symbol)
        return at < found.ends and contracts.is_offered(found, sessions.eastern_day(at))

    def spot(self, symbol: str, at: int) -> Decimal:
        """Give a stock's price at a moment."""
        return self._market.quote(symbol, self.stock(symbol).anchor, at).last

    def quote(self, symbol: str, at: int) -> Quote:
        """Quote a stock or a contract at a moment."""
        if not contracts.is_contract(symbol):
            return self._market.quote(symbol, self.stock(symbol).anchor, at)
        fixed = self._market.given_quote(symbol, at)
        if fixed is not None:
            return fixed
        contract = self.contract(symbol)
        stock = contract.underlying
        # What is held in place stands still whole: the stock, and what its options cost but for time.
        fear = 0 if self._market.is_fixed(stock) else self._market.fear_ppm(stock, at)
        return option_pricing.quote(contract, Moment(self.spot(stock, at), at, fear), self._seed)

    def bar(self, symbol: str, at: int, length: int) -> Bar:
        """Summarise what a stock or a contract cost from `at` on for `length` nanoseconds."""
        if not contracts.is_contract(symbol):
            return self._market.bar(symbol, self.stock(symbol).anchor, at, length)
        contract = self.contract(symbol)
        last = [self._traded(contract, moment) for moment in samples_of(at, length)]
        return self._market.summary(symbol, at, length, last)

    def _traded(self, contract: Contract, at: int) -> Decimal:
        """Tell what a contract was traded at, by the price that the stock's own bars have."""
        given = self._market.given_quote(contract.symbol, at)
        if given is not None:
            return given.last
        stock = contract.underlying
        spot = self._market.traded(stock, self.stock(stock).anchor, at)
        return option_pricing.quote(contract, Moment(spot, at, self._market.fear_ppm(stock, at)), self._seed).last


class LastPrices:
    """What holdings are worth now, at the last trade. It moves by the second, or when a quote is given or recorded."""

    def __init__(self, instruments: Instruments, listing: Listing, market: Market, clock: Clock) -> None:
        """Price with these."""
        self._instruments = instruments
        self._listing = listing
        self._market = market
        self._clock = clock

    def stamp(self) -> object:
        """See Prices."""
        return self._market.moved_at(self._clock.now()), self._market.changes, self._listing.changes

    def of(self, position: Position) -> Decimal:
        """See Prices."""
        return self._instruments.quote(position.symbol, self._market.moved_at(self._clock.now())).last
