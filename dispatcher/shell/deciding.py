"""What is asked of the world between a case and its decision: nothing for shares, for an option the chain."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from contract.events import OptionChosen
from dispatcher.core import order as orders
from dispatcher.core.decide import decide as decide_shares
from dispatcher.core.decide import entry_checks
from dispatcher.core.entries import Entry
from dispatcher.core.gates import STOCK_ACTIONS, Case, refusal
from dispatcher.core.options.chain import Underlying
from dispatcher.core.options.choice import best
from dispatcher.core.options.decide import OptionDecision, OptionMarket
from dispatcher.core.options.decide import decide as decide_option
from dispatcher.core.options.rationale import Rationale
from dispatcher.core.options.repricing import Repricing
from dispatcher.core.options.volatility import DAYS, NEAREST_DAYS, Past, Ranked, Thirty, thirty
from dispatcher.core.order import trading_day
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.standing import Quote
from dispatcher.option_ports import Window
from dispatcher.ports import Weighed
from dispatcher.shell.desk import Desk

NO_PAST = Past(0, None, None, 0, None)


@dataclass(frozen=True, slots=True)
class Decided:
    """An entry to be sent or a refusal, with what it is kept with. `cost` in USD of buying power."""

    result: Entry | Refusal
    weighed: Weighed
    cost: Decimal = Decimal(0)
    chosen: OptionChosen | None = None
    """What is said of an option before it is sent."""


def decide(desk: Desk, case: Case) -> Decided:
    """Decide a case.

    Raises:
        BrokerUnavailableError: a chain could not be read.
    """
    if case.recommendation.action in STOCK_ACTIONS:
        decision = decide_shares(case)
        weighed = Weighed(decision.checks)
        if isinstance(decision.result, Refusal):
            return Decided(decision.result, weighed)
        return Decided(orders.price(decision.result, desk.name, trading_day(case.now)), weighed, decision.cost)

    checks = entry_checks(case)
    refused, quote = refusal(checks), case.market.quote
    if refused is not None or quote is None:  # a chain is not read for what will not be traded
        return Decided(refused or Refusal(Reason.NO_QUOTE, Reason.NO_QUOTE.meaning), Weighed(checks))
    option = decide_option(case, _market(desk, case, quote), desk.name)
    repricing = None if option.bound is None else Repricing(option.bound)
    weighed = Weighed((*checks, *option.checks), option.rationale.document(), repricing)
    return Decided(option.result, weighed, option.cost, _chosen(desk, case, option))


def window(spot: Underlying, case: Case) -> Window:
    """The part of the chain that is asked for: what may be chosen, and what the 30-day volatility lies between."""
    policy, today = case.limits.options.choice, trading_day(case.now)
    reach = spot.amount * policy.max_strike_distance
    cents = Decimal("0.01")
    return Window(
        today=today,
        first_expiry=today + timedelta(days=min(policy.min_days, NEAREST_DAYS)),
        last_expiry=today + timedelta(days=max(policy.max_days, 2 * DAYS)),
        lowest_strike=(spot.amount - reach).quantize(cents),
        highest_strike=(spot.amount + reach).quantize(cents),
    )


def _market(desk: Desk, case: Case, quote: Quote) -> OptionMarket:
    policy, symbol, today = case.limits.options, case.recommendation.symbol, trading_day(case.now)
    spot = Underlying((quote.bid + quote.ask) / 2)
    told = desk.options.broker.chain(symbol, window(spot, case))
    chain = tuple(desk.options.complete(each, spot, policy.volatility.interest_rate, case.now) for each in told)
    iv, past = thirty(chain, spot, case.now), NO_PAST
    if isinstance(iv, Thirty):
        first = today - timedelta(days=policy.volatility.window_days)
        past = desk.ledger.past_volatility(symbol, iv.iv, first, today)
    trades = desk.ledger.closed_trades(options=True, most=policy.contracts.newest_trades)
    return OptionMarket(chain, iv, past, tuple(trade.gain for trade in trades))


def _chosen(desk: Desk, case: Case, option: OptionDecision) -> OptionChosen | None:
    told, order = option.rationale, option.result
    if isinstance(order, Refusal) or told.trade is None or told.sized is None:
        return None
    return OptionChosen(
        account=desk.name,
        recommendation_id=case.recommendation.id,
        symbol=order.symbol,
        underlying=case.recommendation.symbol,
        candidates=len(told.candidates),
        suitable=len(best(told.candidates)),
        score=_score(told),
        iv=told.iv.iv if isinstance(told.iv, Thirty) else None,
        rank=told.ranked.rank if isinstance(told.ranked, Ranked) else None,
        contracts=order.quantity,
        bound_by=told.sized.bound_by if told.stated is None else "stated",
        loss=told.trade.loss,
    )


def _score(told: Rationale) -> Decimal | None:
    return next((each.score for each in best(told.candidates)), None)
