"""From a recommendation for an option and the chain to an order, or to a refusal; with everything that was weighed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from contract.options import Structure, Undefined
from dispatcher.core import gates
from dispatcher.core.gates import Case, Check
from dispatcher.core.options import gates as option_gates
from dispatcher.core.options.chain import Listed, Underlying
from dispatcher.core.options.choice import Candidate, Exclusion, best, counts, judge
from dispatcher.core.options.kelly import ONE, Caps, Sized, size
from dispatcher.core.options.levels import CALLS, SOLD, levels, wrong
from dispatcher.core.options.order import Leg, OptionOrder, PositionIntent, SingleOrder, SpreadOrder
from dispatcher.core.options.premium import Limit
from dispatcher.core.options.rationale import Rationale
from dispatcher.core.options.trade import Single, Spread, Trade, credit, debit, single
from dispatcher.core.options.volatility import NoVolatility, Past, Ranked, Thirty, Unranked, rank
from dispatcher.core.order import ENTRY, client_order_id, trading_day
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.standing import Quote


@dataclass(frozen=True, slots=True)
class OptionMarket:
    """What is known of an underlying's options, and of our own trades in them.

    `past` is the history of the volatility before today, as against `iv`; `gains` are our closed trades in options,
    each as a fraction of its stake.
    """

    chain: tuple[Listed, ...]
    iv: Thirty | NoVolatility
    past: Past
    gains: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class OptionDecision:
    """What was decided. `cost` in USD of buying power; `bound` is the highest price the limit may be moved to."""

    checks: tuple[Check, ...]
    result: OptionOrder | Refusal
    rationale: Rationale = field(default_factory=Rationale)
    cost: Decimal = Decimal(0)
    bound: Limit | None = None


@dataclass(frozen=True, slots=True)
class _Chosen:
    trade: Trade
    candidates: tuple[Candidate, ...]


def decide(case: Case, market: OptionMarket, account: str) -> OptionDecision:
    """Choose, size and price, after the entry gates have passed. `account` is its name, for the order's id."""
    quote = case.market.quote
    if quote is None:
        return _refused((), Refusal(Reason.NO_QUOTE, Reason.NO_QUOTE.meaning))
    spot = Underlying((quote.bid + quote.ask) / 2)
    ranked = _rank(case, market)
    told = Rationale(spot=spot, iv=market.iv, ranked=ranked)
    level = option_gates.level(case, spread=_spread_wanted(case))
    refused = gates.refusal((level,)) or _levels(case, quote) or _volatility(case, ranked)
    if refused is not None:
        return _refused((level,), refused, told)
    chosen = _choose(case, market.chain, spot)
    if isinstance(chosen, tuple):
        return _refused((level,), _none_suits(chosen), replace(told, candidates=chosen))
    told = replace(told, candidates=chosen.candidates, trade=chosen.trade)
    sized = _size(case, market, chosen.trade, _share(case, ranked))
    decided = _concluded(case, chosen.trade, sized, level, account)
    return replace(decided, rationale=replace(told, sized=sized, stated=_stated(case)))


def _refused(checks: tuple[Check, ...], refusal: Refusal, told: Rationale | None = None) -> OptionDecision:
    return OptionDecision(checks, refusal, told or Rationale())


def _levels(case: Case, quote: Quote) -> Refusal | None:
    plan = case.recommendation.plan
    return None if plan is None else wrong(levels(plan), case.recommendation.action, quote)


# --------------------------------------------------------------------------------------------------- volatility's rank


def _rank(case: Case, market: OptionMarket) -> Ranked | Unranked:
    if isinstance(market.iv, NoVolatility):
        return Unranked(market.iv.why)
    return rank(market.iv.iv, market.past, trading_day(case.now), case.limits.options.volatility)


def _volatility(case: Case, ranked: Ranked | Unranked) -> Refusal | None:
    """Dear premium is not bought, cheap premium is not sold; an undefined rank is the declared policy's to answer."""
    policy = case.limits.options.volatility
    if isinstance(ranked, Unranked):
        if policy.undefined is Undefined.REDUCE:
            return None
        return Refusal(Reason.IV_UNDEFINED, f"{Reason.IV_UNDEFINED.meaning} {ranked.why}.")
    sold = case.recommendation.action in SOLD
    if sold and ranked.rank < policy.min_rank_to_sell:
        reason, threshold = Reason.IV_RANK_TOO_LOW, f"at least {policy.min_rank_to_sell}"
    elif not sold and ranked.rank > policy.max_rank_to_buy:
        reason, threshold = Reason.IV_RANK_TOO_HIGH, f"at most {policy.max_rank_to_buy}"
    else:
        return None
    return Refusal(reason, reason.meaning, f"rank {ranked.rank} over {ranked.days} days", threshold)


def _share(case: Case, ranked: Ranked | Unranked) -> Decimal:
    return case.limits.options.volatility.reduced_fraction if isinstance(ranked, Unranked) else ONE


# -------------------------------------------------------------------------------------------------- contract and price


def _spread_wanted(case: Case) -> bool:
    return case.recommendation.action in SOLD or case.limits.options.bought_as is Structure.VERTICAL


def _choose(case: Case, chain: tuple[Listed, ...], spot: Underlying) -> _Chosen | tuple[Candidate, ...]:
    """The best candidate that makes a trade; all candidates where none does."""
    wanted = tuple(each for each in chain if each.contract.call is (case.recommendation.action in CALLS))
    candidates = judge(wanted, spot, case.limits.options.choice, case.now)
    partners = _partners(case, wanted, spot) if _spread_wanted(case) else ()
    lonely: set[str] = set()
    for each in best(candidates):
        trade = _trade(case, each.listed, partners)
        if trade is not None:
            return _Chosen(trade, _without_partner(candidates, lonely))
        lonely.add(each.listed.symbol)
    return _without_partner(candidates, lonely)


def _partners(case: Case, wanted: tuple[Listed, ...], spot: Underlying) -> tuple[Listed, ...]:
    judged = judge(wanted, spot, case.limits.options.choice, case.now, partner=True)
    return tuple(each.listed for each in judged if each.score is not None)


def _trade(case: Case, listed: Listed, partners: tuple[Listed, ...]) -> Trade | None:
    policy = case.limits.options
    if case.recommendation.action in SOLD:
        return credit(listed, partners, policy.vertical, policy.entry)
    if policy.bought_as is Structure.VERTICAL:
        return debit(listed, partners, policy.vertical, policy.entry)
    return single(listed, policy.entry)


def _without_partner(candidates: tuple[Candidate, ...], lonely: set[str]) -> tuple[Candidate, ...]:
    return tuple(
        replace(each, exclusions=(Exclusion.NO_PARTNER,), score=None) if each.listed.symbol in lonely else each
        for each in candidates
    )


def _none_suits(candidates: tuple[Candidate, ...]) -> Refusal:
    counted: Mapping[Exclusion, int] = counts(candidates)
    shown = ", ".join(f"{reason} {count}" for reason, count in counted.items()) or "the chain is empty"
    return Refusal(Reason.NO_CONTRACT, f"{Reason.NO_CONTRACT.meaning} {shown}.", f"{len(candidates)} contracts", "1")


# ---------------------------------------------------------------------------------------------------------------- size


def _stated(case: Case) -> int | None:
    """The quantity that the recommendation states: refused where it is too much, never shrunk."""
    return None if case.recommendation.plan is None else case.recommendation.plan.quantity


def _concluded(case: Case, trade: Trade, sized: Sized, level: Check, account: str) -> OptionDecision:
    quantity = _stated(case) or sized.contracts
    if quantity == 0:
        return _refused((level,), _zero(sized))
    cost = trade.cost * quantity
    checks = (
        level,
        option_gates.contracts(quantity, case),
        option_gates.loss(trade, quantity, case),
        gates.notional(cost, case),
        gates.exposure(cost, case),
        option_gates.buying_power(cost, case),
    )
    refused = gates.refusal(checks)
    if refused is not None:
        return _refused(checks, refused)
    return OptionDecision(checks, _order(case, trade, quantity, account), cost=cost, bound=trade.bound)


def _size(case: Case, market: OptionMarket, trade: Trade, share: Decimal) -> Sized:
    policy, limits = case.limits.options.contracts, case.limits
    caps = Caps(policy.max_loss_per_trade, limits.max_notional_per_order, limits.max_contracts_per_order)
    equity = case.standing.account.equity
    return size(market.gains, policy, caps, equity=equity, loss=trade.loss, cost=trade.cost, share=share)


def _zero(sized: Sized) -> Refusal:
    if sized.by_kelly and sized.edge.fraction == 0:
        seen = (
            f"{sized.edge.wins} of {sized.edge.trades} won, {sized.edge.win} won and {sized.edge.loss} lost on average"
        )
        return Refusal(Reason.NO_EDGE, Reason.NO_EDGE.meaning, seen, "a Kelly fraction above 0")
    observed = f"${sized.budget:,.2f} to risk, bound by {sized.bound_by}"
    return Refusal(Reason.CONTRACTS_ZERO, Reason.CONTRACTS_ZERO.meaning, observed, "1 contract")


def _order(case: Case, trade: Trade, quantity: int, account: str) -> OptionOrder:
    identity = client_order_id(case.recommendation, account, ENTRY)
    match trade:
        case Single(bought, first, _):
            return SingleOrder(identity, bought.symbol, quantity, first)
        case Spread(bought, sold, first, _):
            legs = (
                Leg(bought.symbol, PositionIntent.BUY_TO_OPEN),
                Leg(sold.symbol, PositionIntent.SELL_TO_OPEN),
            )
            return SpreadOrder(identity, quantity, first, legs)
