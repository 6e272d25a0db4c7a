"""The walk: rows → recommendations → decisions → committed intents, to be sent. One way only.

A few rows walk together, as many as the broker takes in a moment (`Pace`): one claim, one request for quotes and one
commit serve them all. They are decided one after the other, each with those before it in flight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from dispatcher.core import recommendation
from dispatcher.core.entries import Entry, in_flight
from dispatcher.core.gates import Case, age, refusal
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Recommendation
from dispatcher.core.standing import History, Market
from dispatcher.ports import BrokerThrottledError, BrokerUnavailableError, Claim, Meant, Weighed
from dispatcher.shell.deciding import Decided, decide
from dispatcher.shell.desk import Desk, Sending
from dispatcher.shell.guard import halt_for_losses
from dispatcher.shell.sending import say_refused, say_throttled, send
from dispatcher.shell.truth import day_began

LOOK_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Considered:
    """A claim that says something, young enough to be asked about."""

    claim: Claim
    recommendation: Recommendation


@dataclass(frozen=True, slots=True)
class Ended:
    """A claim, and what was decided about it."""

    considered: Considered
    decided: Decided


def dispatch(desk: Desk) -> bool:
    """Handle the next recommendations; False when there was none."""
    now = desk.monotonic()
    if now < desk.entries_after:
        return False
    desk.skipped = {key: until for key, until in desk.skipped.items() if until > now}
    claims = _claim(desk)
    desk.counts.considered += len(claims)
    considered = [each for claim in claims if (each := _considered(desk, claim)) is not None]
    if considered:
        _walk(desk, considered)
    return bool(claims)


def _claim(desk: Desk) -> tuple[Claim, ...]:
    """The next rows. Where it was told what they are about, they are claimed aside while their quotes are asked for."""
    at = desk.now()
    claim = partial(desk.ledger.claim, at, tuple(desk.skipped), most=desk.pace.most, since=day_began(at))
    expected = desk.ledger.expected()
    if not expected or desk.spare is None:
        return claim()
    claiming = desk.spare(claim)
    desk.truth.foresee(expected)
    return claim() if claiming.cancel() else claiming.result()  # not begun where every thread aside is busy


def _considered(desk: Desk, claim: Claim) -> Considered | None:
    read = recommendation.read(claim.row)
    if isinstance(read, Refusal):
        _refuse(desk, claim, read, Weighed())
        return None
    # Asked first, so that a stale one ends even while the broker cannot be read.
    young = age(read.created_at, desk.limits, desk.now())
    too_old = refusal((young,))
    if too_old is not None:
        _refuse(desk, claim, too_old, Weighed((young,)))
        return None
    return Considered(claim, read)


def _walk(desk: Desk, considered: Sequence[Considered]) -> None:
    """Decide each and act on all. Where the broker is away meanwhile, what is not decided yet is given back."""
    ended: list[Ended] = []
    try:
        _decide_each(desk, considered, ended)
    except BrokerThrottledError as error:
        _give_back(desk, considered[len(ended) :])
        desk.entries_after = desk.monotonic() + error.retry_seconds
        say_throttled(desk, error)
    except BrokerUnavailableError as error:
        left = considered[len(ended) :]
        _give_back(desk, left)
        again = desk.monotonic() + max(LOOK_AGAIN_SECONDS, error.retry_seconds)
        desk.skipped |= {each.claim.recommendation_id: again for each in left}
        _act(desk, ended)
        raise
    _act(desk, ended)


def _decide_each(desk: Desk, considered: Sequence[Considered], ended: list[Ended]) -> None:
    desk.truth.standing()  # read first where it is too old, so that no quote waits for it
    markets = desk.truth.markets({each.recommendation.symbol for each in considered})
    histories: dict[str, History] = {}
    for each in considered:
        symbol = each.recommendation.symbol
        history = histories.get(symbol, each.claim.history)
        decided = _decide(desk, each, markets, history)
        if not isinstance(decided.result, Refusal):
            histories[symbol] = History(history.orders + 1, desk.now())
            desk.truth.sent(each.claim.recommendation_id, in_flight(decided.result, decided.cost))
        ended.append(Ended(each, decided))


def _decide(desk: Desk, each: Considered, markets: Mapping[str, Market], history: History) -> Decided:
    market = markets[each.recommendation.symbol]
    state = desk.switch.order().state
    return decide(
        desk, Case(each.recommendation, desk.truth.standing(), market, history, desk.limits, state, desk.now())
    )


def _act(desk: Desk, ended: Sequence[Ended]) -> None:
    """Commit the intents and send them, then end what was refused."""
    entries = [(each, each.decided.result) for each in ended if not isinstance(each.decided.result, Refusal)]
    if entries:
        _intend(desk, entries)
    for each in ended:
        if isinstance(each.decided.result, Refusal):
            _refuse(desk, each.considered.claim, each.decided.result, each.decided.weighed)


def _intend(desk: Desk, entries: Sequence[tuple[Ended, Entry]]) -> None:
    at = desk.now()
    desk.ledger.intend([_meant(each, entry) for each, entry in entries], at)
    for each, _ in entries:
        if each.decided.chosen is not None:
            desk.say(each.decided.chosen)
    send(desk, *(_sending(each, entry, at) for each, entry in entries))


def _meant(each: Ended, entry: Entry) -> Meant:
    return Meant(each.considered.claim.recommendation_id, entry, each.decided.cost, each.decided.weighed)


def _sending(each: Ended, entry: Entry, at: datetime) -> Sending:
    return Sending(each.considered.claim.recommendation_id, each.considered.recommendation.created_at, at, entry)


def _give_back(desk: Desk, left: Sequence[Considered]) -> None:
    desk.ledger.unclaim([each.claim.recommendation_id for each in left])
    desk.counts.considered -= len(left)


def _refuse(desk: Desk, claim: Claim, refused: Refusal, weighed: Weighed) -> None:
    desk.ledger.refuse(claim.recommendation_id, refused, weighed, desk.now())
    desk.counts.refusals[refused.reason] += 1
    say_refused(desk, claim.recommendation_id, str(claim.row.get("ticker"))[:32], refused)
    if refused.reason is Reason.DAILY_LOSS:
        halt_for_losses(desk)
