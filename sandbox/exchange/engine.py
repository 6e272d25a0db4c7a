"""The exchange itself: accounts, books, market and clock, and what a client may ask of them.

Everything here is synchronous and deterministic; HTTP stands around it in server.py.
"""

import contextlib
import random
import secrets
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sandbox.exchange import admission, contracts, option_rules, replacement, rules, sessions, tickets
from sandbox.exchange.account import Account
from sandbox.exchange.activities import Statement
from sandbox.exchange.admission import Standing
from sandbox.exchange.assets import Asset, Listing, identity
from sandbox.exchange.book import Book
from sandbox.exchange.clock import Clock
from sandbox.exchange.config import AccountConfig, Config, Settings
from sandbox.exchange.contracts import Contract
from sandbox.exchange.errors import Refused, refuse, refuse_as
from sandbox.exchange.faults import Faults
from sandbox.exchange.floor import Floor, Listener, Update
from sandbox.exchange.instruments import Instrument, Instruments, LastPrices
from sandbox.exchange.market import Market, Quote
from sandbox.exchange.option_desk import OptionDesk, Parts
from sandbox.exchange.orders import ZERO, Order, OrderClass, OrderRequest, Side, Status, TimeInForce
from sandbox.exchange.portfolio import Position
from sandbox.exchange.replacement import Change
from sandbox.exchange.text import SECOND
from sandbox.exchange.timekeeper import TimeKeeper

_NANO = Decimal(SECOND)
_UUID_FIXED = 0x4000_8000_0000_0000_0000  # RFC 4122: version 4, variant 1
_UUID_FREE = 0xFFFF_FFFF_FFFF_0FFF_3FFF_FFFF_FFFF_FFFF


class Exchange:
    """One exchange with its accounts. Raises Refused for everything a client may not do."""

    def __init__(self, config: Config) -> None:
        """Open with declared accounts, quotes, assets, faults and settings."""
        seed = config.seed if config.seed is not None else 0
        self.seed = seed
        # Without a seed ids are new in every run, so that two runs never share an order id.
        self._ids = random.Random(secrets.randbits(64) if config.seed is None else seed)  # noqa: S311
        self.clock = Clock(start=config.now, running=config.clock_running)
        self.settings = config.settings
        self.market = Market(seed, config.settings.volatility, config.recording)
        self.listing = Listing(config.assets)
        self.book = Book()
        self.instruments = Instruments(self.listing, self.market, self.clock, seed)
        self.prices = LastPrices(self.instruments, self.listing, self.market, self.clock)
        self.accounts: dict[str, Account] = {}
        self.statements: dict[str, Statement] = {}
        self.kept_from_exercise: dict[str, set[str]] = {}
        self.by_key: dict[str, Account] = {}
        self.faults = Faults(config.faults, random.Random(seed + 1))  # noqa: S311
        self.listeners: list[Listener] = []
        self.floor = Floor(
            book=self.book,
            accounts=self.accounts,
            clock=self.clock,
            quote=self.quote,
            empty_position=self._empty_position,
            dice=random.Random(seed + 2),  # noqa: S311
            new_id=self.new_id,
            tell=self._tell,
            executed=self._executed,
        )
        self.options = OptionDesk(
            Parts(self.instruments, self.floor, self.clock, self.new_id, self.statements, self.standing)
        )
        self.time = TimeKeeper(self)
        self.change_settings(config.settings)
        for symbol in config.recording:
            self._list(symbol)
        for symbol, prices in config.quotes.items():
            self.fix_quote(symbol, prices)
        for account in config.accounts:
            self.open_account(account)

    # -- the parts -------------------------------------------------------------------------

    def forget_seed(self) -> None:
        """Draw ids from chance from now on: after a restart the seed would draw the same again."""
        self._ids.seed(secrets.randbits(64))

    def new_id(self) -> str:
        """Draw a new id."""
        drawn = f"{self._ids.getrandbits(128) & _UUID_FREE | _UUID_FIXED:032x}"
        return f"{drawn[:8]}-{drawn[8:12]}-{drawn[12:16]}-{drawn[16:20]}-{drawn[20:]}"

    def _tell(self, update: Update) -> None:
        for listener in self.listeners:
            listener(update)

    def _executed(self, order: Order, qty: Decimal, price: Decimal) -> None:
        """Note a trade on the statement; contracts change what must be kept back."""
        self.statements[order.account].fill(order, qty, price, order.updated_at)
        if order.asset_class == "us_option":
            self.options.keep_back(self.accounts[order.account])

    def change_settings(self, settings: Settings) -> None:
        """Put switches in force."""
        self.settings = settings
        self.market.volatility = settings.volatility
        self.floor.partial_fill_probability = settings.partial_fill_probability

    def open_account(self, config: AccountConfig) -> Account:
        """Open an account and give it the shares it is declared to hold."""
        account = Account(
            number=config.number,
            id=identity(f"account {config.number}"),
            key=config.key,
            secret=config.secret,
            cash=Decimal(config.cash),
            multiplier=Decimal(config.multiplier),
            created_at=self.clock.now(),
            last_equity=config.cash,
            shorting_enabled=config.shorting_enabled,
            trading_blocked=config.trading_blocked,
            closing_only=config.closing_only,
            options_level=config.options_level,
        )
        for symbol, held in config.positions.items():
            account.positions[symbol] = self._declared_position(symbol, held)
        account.last_equity = account.equity(self.prices)
        self.accounts[account.number] = account
        self.statements[account.number] = Statement(account.number)
        self.kept_from_exercise[account.number] = set()
        self.options.keep_back(account)
        self.by_key[account.key] = account
        return account

    def _declared_position(self, symbol: str, held: object) -> Position:
        facts = held if isinstance(held, dict) else {"qty": held}
        asset = self.instruments.find(symbol)
        qty = Decimal(str(facts["qty"]))
        entry = facts.get("avg_entry_price", self.quote(symbol).last)
        cost = qty * Decimal(str(entry)) * asset.multiplier
        return self._position(asset, qty, cost, self.clock.now())

    def asset(self, symbol: str) -> Asset:
        """Find a stock by symbol or id. Raises Refused: asset "X" not found."""
        return self.instruments.stock(symbol)

    def quote(self, symbol: str) -> Quote:
        """Quote a symbol now."""
        return self.instruments.quote(symbol, self.clock.now())

    def close_price(self, symbol: str) -> Decimal:
        """Tell what a stock or contract was worth at the last close before today's session."""
        at = sessions.last_close(self.clock.now())
        if sessions.eastern_day(at) == sessions.eastern_day(self.clock.now()):
            at = sessions.last_close(at - 1)
        return self.instruments.quote(symbol, at).last

    def last_session_day(self) -> date:
        """Tell the trading day that closed last (Eastern)."""
        return sessions.eastern_day(sessions.last_close(self.clock.now()))

    def opened_today(self, position: Position) -> bool:
        """Tell whether a position was opened since the last close."""
        return position.opened_at > sessions.last_close(self.clock.now())

    def _empty_position(self, order: Order, at: int) -> Position:
        return self._position(self.instruments.find(order.symbol), ZERO, ZERO, at)

    @staticmethod
    def _position(of: Instrument, qty: Decimal, cost: Decimal, at: int) -> Position:
        return Position(of.symbol, of.id, of.asset_class, of.exchange, qty, cost, of.multiplier, at, of.marginable)

    def standing(self, account: Account) -> Standing:
        """Give what admission looks at."""
        return Standing(account, self.book, self.settings, self.clock.now(), self.prices)

    # -- what a client asks ----------------------------------------------------------------

    def submit(self, account: Account, request: OrderRequest) -> tuple[Order, ...]:
        """Take an order. Gives it and its legs as the answer shows them: before anything was filled."""
        admission.check_client_order_id(self.standing(account), request.client_order_id)
        admission.check_account(account)
        orders = self._written(account, request)
        self.floor.place(*orders)
        self._begin(orders[0])
        return tuple(_told(order) for order in orders)

    def _written(self, account: Account, request: OrderRequest) -> tuple[Order, ...]:
        """Write the orders a request stands for, or raise Refused."""
        symbol = self.instruments.named(request.symbol)
        if symbol != request.symbol:
            request = replace(request, symbol=symbol)
        if request.order_class is OrderClass.MLEG:
            return self.options.combination(account, request)
        if contracts.is_contract(request.symbol):
            return self.options.single(account, request)
        standing = self.standing(account)
        asset = self.listing.find(request.symbol)
        if asset is None:
            raise refuse_as("asset_not_found", code=self.settings.unknown_asset_code, symbol=request.symbol)
        now = self.clock.now()
        rules.check(request, self.settings, sessions.eastern_day(now), sessions.eastern_time(now))
        admitted = admission.admit(standing, request, asset, self.quote(asset.symbol))
        return tickets.write(request, asset, admitted, account=account.number, clock=self.clock, new_id=self.new_id)

    def _begin(self, order: Order) -> None:
        """Let a placed order meet the market."""
        if order.order_class is OrderClass.MLEG:
            self.options.begin(order)
        elif order.tif in (TimeInForce.OPG, TimeInForce.CLS):
            self.time.await_auction(order)
        else:
            self.floor.match(order.symbol)
        if order.tif in (TimeInForce.IOC, TimeInForce.FOK):
            self.cancel_rest(order.id)

    def resume(self, orders: list[Order]) -> None:
        """Take up orders that were kept, in order of arrival, without telling anyone."""
        for order in orders:
            if order.account in self.accounts:
                self.floor.settle(order)
                if not order.final:
                    self._wait(order)

    def _wait(self, order: Order) -> None:
        """Let a kept order wait for what it waited for."""
        if order.tif in (TimeInForce.OPG, TimeInForce.CLS):
            self.time.await_auction(order)
        if order.order_class is OrderClass.MLEG and order.legs:
            self.options.begin(order)
        if order.status is Status.PENDING_CANCEL:
            self.time.await_cancel(order)

    def order(self, account: Account, order_id: str) -> Order:
        """Find one of an account's orders by id (404 / 40410000)."""
        found = self.book.orders.get(order_id)
        if found is None or found.account != account.number:
            raise refuse("order_not_found", order=order_id)
        return found

    def order_by_client_id(self, account: Account, client_order_id: str) -> Order:
        """Find one of an account's orders by the client's id (404 / 40410000)."""
        found = self.book.account(account.number).by_client_id.get(client_order_id)
        if found is None:
            raise refuse("order_not_found", order=client_order_id)
        return self.book.orders[found]

    def cancel(self, order: Order) -> None:
        """Ask for a cancel; it is done at once, later or never, as the settings say."""
        if order.final or order.status is Status.PENDING_CANCEL:
            raise refuse("cancel_finished", status=order.status)
        wait = self.settings.cancel_seconds
        if wait == 0:
            self.floor.finish(order, Status.CANCELED)
            return
        at = self.clock.stamp()
        due = at + int(wait * _NANO) if wait > 0 else None
        pending = order._replace(status=Status.PENDING_CANCEL, updated_at=at, cancel_due_at=due)
        self.floor.say("pending_cancel", self.floor.settle(pending))
        self.time.await_cancel(pending)

    def open_orders(self, account: Account) -> list[Order]:
        """List an account's open orders in order of arrival, legs included."""
        return [self.book.orders[order] for order in self.book.account(account.number).open]

    def replace(self, account: Account, order: Order, change: Change) -> Order:
        """Replace an order by a new one with a new id."""
        standing = self.standing(account)
        admission.check_client_order_id(standing, change.client_order_id)
        if order.order_class is OrderClass.MLEG:
            return self.options.replace(account, order, change)
        new = replacement.write(
            standing, order, change, clock=self.clock, new_id=self.new_id, check_prices=self._check_prices
        )
        self.floor.retire(order, new)
        self.floor.match(new.symbol)
        return new

    def _check_prices(self, order: Order, change: Change) -> None:
        if not contracts.is_contract(order.symbol):
            replacement.check_stock_prices(order, change, self.clock.now())
            return
        contract = self.instruments.contract(order.symbol)
        for price in (change.limit_price, change.stop_price):
            option_rules.check_price(price, contract, self.settings)

    def close(self, account: Account, symbol: str, qty: Decimal | None) -> Order:
        """Close all or `qty` shares of a position with a market order."""
        held = account.qty(symbol)
        if not held:
            raise refuse("position_not_found")
        request = tickets.closing(symbol, Side.SELL if held > 0 else Side.BUY, qty or abs(held))
        return self.submit(account, request)[0]

    def close_if_free(self, account: Account, symbol: str) -> None:
        """Close a position unless an order keeps it back or the market rests."""
        with contextlib.suppress(Refused):
            self.close(account, symbol, None)

    # -- what time and the market do -------------------------------------------------------

    def fix_quote(self, symbol: str, prices: object) -> None:
        """Hold a quote (bid, ask, last in USD) and let it reach the orders; None lets it walk.

        Raises ValueError when a price is missing, not positive, or the bid is above the ask.
        """
        if prices is None:
            self.market.release(symbol)
        elif isinstance(prices, dict):
            self.market.fix(symbol, *_prices(prices))
        else:
            raise ValueError("a quote is {bid, ask} or {bid, ask, last}, or null")
        self._list(symbol)
        self.floor.match(symbol)
        self.options.match_combinations()

    def _list(self, symbol: str) -> None:
        """List a stock that is quoted and was unknown so far."""
        if self.listing.find(symbol) is None and not contracts.is_contract(symbol):
            self.listing.change(symbol, {})

    def advance_to(self, at: int) -> None:
        """Move time forward (ns UTC); see TimeKeeper.advance_to."""
        self.time.advance_to(at)

    def tick(self) -> None:
        """Do what time brings; see TimeKeeper.tick."""
        self.time.tick()

    def cancel_rest(self, order_id: str) -> None:
        """Cancel what is left of an order, if anything is."""
        order = self.book.orders[order_id]
        if not order.final:
            self.floor.finish(order, Status.CANCELED)

    def split(self, symbol: str, ratio: Decimal) -> None:
        """Make so many shares of each: no money moves, orders in the symbol end, the statement tells it the next day.

        Raises ValueError when there would not be more of them. The new price is for whoever sets quotes.
        """
        if not ratio > 1:
            raise ValueError(f"a split makes more than one share of each, not {ratio}")
        at = self.clock.stamp()
        for account in self.accounts.values():
            for order in self.open_orders(account):
                if order.symbol == symbol:
                    self.cancel_rest(order.id)
            held = account.positions.get(symbol)
            if held is not None:
                more = held.qty * (ratio - 1)
                account.trade(held, more, Decimal(0))
                self.statements[account.number].event("SPLIT", symbol, more, at, amount=Decimal(0))

    def exercise(self, account: Account, symbol_or_id: str) -> None:
        """Exercise a held contract."""
        self.options.exercise(account, self.held_contract(symbol_or_id))

    def held_contract(self, symbol_or_id: str) -> Contract:
        """Find a contract by symbol or id (422: invalid symbol)."""
        found = self.instruments.option(symbol_or_id)
        if found is None:
            raise refuse("exercise_symbol")
        return found

    def do_not_exercise(self, account: Account, symbol_or_id: str) -> None:
        """Keep a held contract from being exercised at its end."""
        contract = self.held_contract(symbol_or_id)
        qty = account.qty(contract.symbol)
        if qty == 0:
            raise refuse("exercise_none")
        if qty < 0:
            raise refuse("dne_short")
        self.kept_from_exercise[account.number].add(contract.symbol)


def _told(order: Order) -> Order:
    """Show an order as its answer does: at work means pending until the next look."""
    return order._replace(status=Status.PENDING_NEW) if order.status is Status.NEW else order


def _prices(prices: dict[str, object]) -> tuple[Decimal, Decimal, Decimal | None]:
    try:
        bid, ask = Decimal(str(prices["bid"])), Decimal(str(prices["ask"]))
        last = Decimal(str(prices["last"])) if prices.get("last") is not None else None
    except (KeyError, ArithmeticError) as problem:
        raise ValueError("a quote needs bid and ask as numbers") from problem
    if not (bid.is_finite() and ask.is_finite() and 0 < bid <= ask):
        raise ValueError("a quote needs 0 < bid <= ask")
    return bid, ask, last
