"""Option orders, single and multi-leg, and what becomes of contracts at their end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sandbox.exchange import admission, collateral, lifetime, option_rules, replacement, sessions, tickets
from sandbox.exchange.account import COLLATERAL, Account
from sandbox.exchange.activities import Statement
from sandbox.exchange.admission import Admission, Standing
from sandbox.exchange.assets import Asset
from sandbox.exchange.clock import Clock
from sandbox.exchange.contracts import MULTIPLIER, Contract, Kind
from sandbox.exchange.errors import refuse
from sandbox.exchange.floor import Floor, hold_of
from sandbox.exchange.instruments import Instrument, Instruments
from sandbox.exchange.option_rules import Leg, Trade
from sandbox.exchange.orders import (
    ZERO,
    Intent,
    LegRequest,
    Order,
    OrderClass,
    OrderRequest,
    Role,
    Side,
)
from sandbox.exchange.portfolio import Hold, Position
from sandbox.exchange.replacement import Change
from sandbox.exchange.sessions import Phase

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the exchange the desk works with."""

    instruments: Instruments
    floor: Floor
    clock: Clock
    new_id: Callable[[], str]
    statements: Mapping[str, Statement]
    standing: Callable[[Account], Standing]


class OptionDesk:
    """Takes option orders and settles expirations."""

    def __init__(self, parts: Parts) -> None:
        """Work with these parts."""
        self._parts = parts
        self._kept: set[tuple[str, str]] = set()
        self._combinations: dict[str, None] = {}

    # -- one contract ----------------------------------------------------------------------

    def single(self, account: Account, request: OrderRequest) -> tuple[Order, ...]:
        """Write an order for one contract; raises Refused for every rule it breaks."""
        standing = self._parts.standing(account)
        contract = self._parts.instruments.contract(request.symbol)
        now = standing.now
        option_rules.check_single(request, contract, standing.settings, now)
        side = request.side or Side.BUY
        intent = admission.infer_intent(account.qty(contract.symbol), side, request.order_class)
        if request.position_intent not in (None, intent):
            raise refuse("position_intent", inferred=intent, specified=request.position_intent)
        qty = request.qty or ZERO
        trade = Trade(contract, qty if side is Side.BUY else -qty, intent)
        option_rules.check_contract(contract, standing.settings, now, opens=trade.opens)
        admission.check_wash(standing, request, contract.symbol)
        return self._written(account, request, contract, self._admitted(standing, request, trade))

    def _admitted(self, standing: Standing, request: OrderRequest, trade: Trade) -> Admission:
        if trade.opens:
            admission.check_may_open(standing, request.side, trade.contract.symbol)
            option_rules.check_level(standing, [trade])
            option_rules.check_expiring(standing, [trade])
        else:
            option_rules.check_shares_held(standing, trade)
        # Closing is weighed too: without its long leg a spread's short one may be uncovered.
        need = option_rules.check_means(standing, [trade], self._debit(request, trade), self._parts.instruments)
        if not trade.opens:
            return Admission(trade.intent, ZERO, None)
        size = abs(trade.change)
        covers = trade.contract.underlying if need.shares else None
        unit = need.cash / (size * trade.contract.multiplier)
        return Admission(trade.intent, unit, None, covers, need.shares / size)

    def _debit(self, request: OrderRequest, trade: Trade) -> Decimal:
        """Tell what a trade costs in USD at its limit, or at the market's far side."""
        quote = self._parts.instruments.quote(trade.contract.symbol, self._parts.clock.now())
        unit = request.limit_price or (quote.ask if trade.change > 0 else quote.bid)
        return unit * trade.change * trade.contract.multiplier

    def _written(
        self, account: Account, request: OrderRequest, contract: Contract, admitted: Admission
    ) -> tuple[Order, ...]:
        parts = self._parts
        return tickets.write(
            request, contract, admitted, account=account.number, clock=parts.clock, new_id=parts.new_id
        )

    # -- combinations ----------------------------------------------------------------------

    def combination(self, account: Account, request: OrderRequest) -> tuple[Order, ...]:
        """Write a multi-leg order, the head first; raises Refused for every rule it breaks."""
        parts = self._parts
        standing = parts.standing(account)
        legs = option_rules.check_combination(request, parts.instruments)
        option_rules.check_terms_of_combination(request, standing.settings, standing.now)
        units = request.qty or ZERO
        traded = [self._leg_trade(standing, request, leg, of) for leg, of in legs]
        trades = [trade for trade in traded if isinstance(trade, Trade)]
        shares = sum((trade for trade in traded if isinstance(trade, Decimal)), ZERO)
        option_rules.check_level(standing, trades)
        option_rules.check_expiring(standing, trades)
        net = request.limit_price if request.limit_price is not None else self._net(legs)
        need = option_rules.check_means(standing, trades, net * units * MULTIPLIER, parts.instruments, shares=shares)
        return self._write_combination(account, request, legs, need, units)

    def replace(self, account: Account, order: Order, change: Change) -> Order:
        """Let a combination with other terms (units, net price) take the place of one that rests."""
        if order.parent is not None:
            raise refuse("replace_mleg_leg")
        replacement.check_state(order)
        parts = self._parts
        new = replacement.changed(order, change)
        option_rules.check_net_price(new.limit_price)
        standing, units = parts.standing(account), new.remaining
        legs = [parts.floor.order(leg) for leg in order.legs]
        for leg in legs:
            if leg.closing and leg.multiplier > 1:
                replacement.check_shares(standing, leg, leg._replace(qty=units * (leg.ratio_qty or ZERO)))
        changes = {leg.symbol: units * (leg.ratio_qty or ZERO) * (1 if leg.buys else -1) for leg in legs}
        trades = [
            Trade(parts.instruments.contract(leg.symbol), changes[leg.symbol], leg.position_intent)
            for leg in legs
            if leg.position_intent is not None and leg.multiplier > 1
        ]
        need = option_rules.check_means(
            standing,
            trades,
            (new.limit_price or ZERO) * units * MULTIPLIER,
            parts.instruments,
            shares=sum((changes[leg.symbol] for leg in legs if leg.multiplier == 1), ZERO),
            released=hold_of(order),
        )
        kept = new._replace(unit_hold=need.cash / (units * MULTIPLIER), unit_shares=need.shares / units)
        renewed = replacement.renewed(kept, change, parts.clock.stamp(), parts.new_id)
        parts.floor.retire(order, renewed)
        self.begin(renewed)
        return renewed

    def begin(self, head: Order) -> None:
        """Let a placed combination meet the market: all legs or none."""
        self._combinations[head.id] = None
        self.match_combinations()

    def _leg_trade(self, standing: Standing, request: OrderRequest, leg: LegRequest, of: Instrument) -> Trade | Decimal:
        """Check one leg for itself; give the contracts it trades, or how many shares (negative: sold)."""
        intent = leg.position_intent or Intent.BUY_TO_OPEN
        side = option_rules.side_of(intent)
        inferred = admission.infer_intent(standing.account.qty(of.symbol), side, OrderClass.MLEG)
        if inferred is not intent:
            raise refuse("position_intent", inferred=inferred, specified=intent)
        opens = intent in (Intent.BUY_TO_OPEN, Intent.SELL_TO_OPEN)
        if opens:
            admission.check_may_open(standing, side, of.symbol)
        qty = leg.ratio_qty * (request.qty or ZERO)
        change = qty if side is Side.BUY else -qty
        if isinstance(of, Asset):
            admission.check_asset(request, of, closing=not opens)
            return change
        trade = Trade(of, change, intent)
        option_rules.check_contract(of, standing.settings, standing.now, opens=opens)
        if not opens:
            option_rules.check_shares_held(standing, trade)
        return trade

    def _net(self, legs: list[Leg]) -> Decimal:
        now = self._parts.clock.now()
        return option_rules.net_price(
            [
                (
                    option_rules.side_of(leg.position_intent),
                    option_rules.weight(leg.ratio_qty, of.multiplier),
                    self._parts.instruments.quote(of.symbol, now),
                )
                for leg, of in legs
            ]
        )

    def _write_combination(
        self,
        account: Account,
        request: OrderRequest,
        legs: list[Leg],
        need: collateral.Need,
        units: Decimal,
    ) -> tuple[Order, ...]:
        clock, new_id = self._parts.clock, self._parts.new_id
        at = clock.stamp()
        head = Order(
            id=new_id(),
            seq=at,
            account=account.number,
            client_order_id=request.client_order_id or new_id(),
            asset_id="",
            asset_class="",
            symbol="",
            side=None,
            type=request.type,
            tif=request.tif,
            order_class=OrderClass.MLEG,
            role=Role.ENTRY,
            status=lifetime.first_status(request.tif, at, extended=False),
            created_at=at,
            updated_at=at,
            submitted_at=at,
            expires_at=lifetime.expires_at(request.tif, at, extended=False),
            qty=units,
            limit_price=request.limit_price,
            multiplier=MULTIPLIER,
            unit_hold=need.cash / (units * MULTIPLIER),
            unit_shares=need.shares / units,
            covers=legs[0][1].underlying if need.shares else None,
            armed=False,
        )
        members = [self._member(head, leg, of) for leg, of in legs]
        return (head._replace(legs=tuple(member.id for member in members)), *members)

    def _member(self, head: Order, leg: LegRequest, of: Instrument) -> Order:
        at = self._parts.clock.stamp()
        intent = leg.position_intent or Intent.BUY_TO_OPEN
        return head._replace(
            id=self._parts.new_id(),
            seq=at,
            client_order_id=self._parts.new_id(),
            asset_id=of.id,
            asset_class=of.asset_class,
            multiplier=of.multiplier,
            symbol=of.symbol,
            side=option_rules.side_of(intent),
            type=None,
            role=Role.LEG,
            qty=leg.ratio_qty * head.remaining,
            ratio_qty=leg.ratio_qty,
            limit_price=None,
            position_intent=intent,
            unit_hold=ZERO,
            unit_shares=ZERO,
            covers=None,
            parent=head.id,
        )

    def match_combinations(self) -> None:
        """Fill the combinations whose net price the market reaches now."""
        now = self._parts.clock.now()
        if not self._combinations or sessions.phase(now) is not Phase.CORE:
            return
        floor = self._parts.floor
        for order_id in tuple(self._combinations):
            head = floor.order(order_id)
            if head.final:
                del self._combinations[order_id]
                continue
            legs = [floor.order(leg) for leg in head.legs]
            quotes = [self._parts.instruments.quote(leg.symbol, now) for leg in legs]
            ratios = [
                (leg.side or Side.BUY, option_rules.weight(leg.ratio_qty or ZERO, leg.multiplier), quote)
                for leg, quote in zip(legs, quotes, strict=True)
            ]
            net = option_rules.net_price(ratios)
            if head.limit_price is None or net <= head.limit_price:
                del self._combinations[order_id]
                prices = [quote.ask if leg.buys else quote.bid for leg, quote in zip(legs, quotes, strict=True)]
                floor.fill_combination(head, list(zip(legs, prices, strict=True)), net)

    # -- what positions keep back ----------------------------------------------------------

    def keep_back(self, account: Account) -> None:
        """Keep back what the option positions of an account can lose at most."""
        standing = self._parts.standing(account)
        found = collateral.needs(option_rules.holdings(standing, self._parts.instruments))
        wanted = {f"{COLLATERAL}{underlying} {day}": (underlying, need) for (underlying, day), need in found.items()}
        for number, name in tuple(self._kept):
            if number == account.number and name not in wanted:
                account.hold(name, name.split()[1], Hold())
                self._kept.discard((number, name))
        for name, (underlying, need) in wanted.items():
            account.hold(name, underlying, Hold(need.cash, need.shares))
            self._kept.add((account.number, name))

    # -- exercise and the end --------------------------------------------------------------

    def exercise(self, account: Account, contract: Contract) -> None:
        """Exercise all contracts held that no order keeps back (403 when there are none)."""
        position = account.positions.get(contract.symbol)
        if position is None:
            raise refuse("exercise_none")
        if position.qty < 0:
            raise refuse("exercise_short")
        free = position.qty - account.held(contract.symbol)
        if free <= 0:
            raise refuse("exercise_none")
        self._deliver(account, contract, free, "OPEXC", self._parts.clock.stamp())

    def unaffordable(self, account: Account, day: date) -> list[str]:
        """List the long contracts that end on a day and whose exercise could not be paid or delivered."""
        standing = self._parts.standing(account)
        found = []
        for contract, qty in option_rules.holdings(standing, self._parts.instruments):
            spot = self._parts.instruments.spot(contract.underlying, standing.now)
            if contract.expires != day or qty <= 0 or collateral.intrinsic(contract, spot) < _CENT:
                continue
            shares = qty * contract.multiplier
            if contract.kind is Kind.CALL:
                lacks = shares * contract.strike > standing.buying_power
            else:
                lacks = account.qty(contract.underlying) < shares and not account.shorting_enabled
            if lacks:
                found.append(contract.symbol)
        return found

    def expire(self, account: Account, kept_from_exercise: frozenset[str], now: int) -> None:
        """Settle the contracts whose last day is over: exercise, assignment or nothing."""
        for position in tuple(account.positions.values()):
            contract = self._parts.instruments.find(position.symbol) if position.multiplier > 1 else None
            if not isinstance(contract, Contract) or contract.ends > now:
                continue
            spot = self._parts.instruments.spot(contract.underlying, contract.ends)
            worth = collateral.intrinsic(contract, spot) >= _CENT
            if not worth or (position.qty > 0 and contract.symbol in kept_from_exercise):
                self._end(account, contract, position.qty, "OPEXP", contract.ends)
            else:
                kind = "OPEXC" if position.qty > 0 else "OPASN"
                self._deliver(account, contract, position.qty, kind, contract.ends)
        self.keep_back(account)

    def _end(self, account: Account, contract: Contract, qty: Decimal, kind: str, at: int) -> None:
        account.trade(account.positions[contract.symbol], -qty, ZERO)
        self._parts.statements[account.number].event(kind, contract.symbol, -qty, at, amount=ZERO)

    def _deliver(self, account: Account, contract: Contract, qty: Decimal, kind: str, at: int) -> None:
        """Trade contracts for shares at the strike; `qty` is negative when assigned."""
        self._end(account, contract, qty, kind, at)
        asset = self._parts.instruments.stock(contract.underlying)
        shares = qty * contract.multiplier * (1 if contract.kind is Kind.CALL else -1)
        empty = Position(asset.symbol, asset.id, asset.asset_class, asset.exchange, ZERO, ZERO, 1, at, asset.marginable)
        account.trade(empty, shares, contract.strike)
        amount = -shares * contract.strike
        statement = self._parts.statements[account.number]
        statement.event("OPTRD", asset.symbol, shares, at, amount=amount, price=contract.strike)
        self.keep_back(account)
