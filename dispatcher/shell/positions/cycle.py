"""One turn: read the broker, bring the books up to date, then see to every position. Safe to break off anywhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from contract.events import PositionHeld, PositionsHeld, StrayOrder
from dispatcher.core.positions.book import Book, Stage
from dispatcher.core.positions.cover import Holding, Scene, Working, plan_of, protection
from dispatcher.core.positions.exits import Ahead
from dispatcher.core.positions.instrument import contract
from dispatcher.core.positions.sight import Sight
from dispatcher.position_ports import NAMES
from dispatcher.shell.positions.asking import obey
from dispatcher.shell.positions.bookkeeping import keep_books, read_statement
from dispatcher.shell.positions.caring import look_after
from dispatcher.shell.positions.desk import PositionDesk, seconds
from dispatcher.shell.positions.leaving import leave
from dispatcher.shell.positions.settling import settle
from dispatcher.shell.positions.supervising import Seen, ahead, seen, supervise
from dispatcher.shell.truth import day_began

LOOKS_IN_A_TURN = 8
LOOKS_A_SECOND = Decimal("0.4")
"""Positions of shares that are looked at afresh: so many in one turn, and so many in the long run. Each look is four
requests, a turn three: a turn every 2 s with every look that it may make takes 186 of the broker's 200 a minute."""
A_QUOTE = Decimal("0.25")
"""Of a look: quotes of a hundred contracts are one request, and come out of the same allowance."""
STRAY = frozenset({"bracket", "oco", "oto"})


@dataclass(frozen=True, slots=True)
class View:
    """What a turn saw and left: holdings, orders, live books, quotes of contracts, how many orders have no answer."""

    holdings: Mapping[str, Holding]
    orders: tuple[Working, ...]
    books: Mapping[str, Book]
    sights: Mapping[str, Sight]
    unclear: int


def turn(desk: PositionDesk) -> View:
    """Read, keep the books, see to every position."""
    read_statement(desk)
    holdings = desk.broker.holdings()
    orders = desk.broker.working()
    unclear = settle(desk, orders)
    live = keep_books(desk, holdings)
    obey(desk, live, holdings, orders)
    leave(desk, [book for book in live.values() if book.stage is Stage.EXITING and desk.lease.holds()])
    sights = _sights(desk, live.values())
    _grant_looks(desk)
    _supervise(desk, live, holdings, sights)
    shares = [book.symbol for book in live.values() if contract(book.symbol) is None and book.stage is Stage.OPEN]
    for symbol in sorted(shares, key=lambda each: desk.memory.seen.get(each, desk.since)):
        if desk.lease.holds():
            desk.memory.seen[symbol] = desk.now()
            live[symbol] = _see_to(desk, live[symbol], holdings.get(symbol), orders)
    _cancel_strays(desk, holdings, live, orders)
    return View(holdings, orders, live, sights, unclear)


def watch_contracts(desk: PositionDesk, view: View) -> View:
    """Between two turns: the quotes of contracts, and what a price decides by them."""
    live = dict(view.books)
    watched = tuple(book for book in live.values() if book.symbol in view.holdings and supervised(book))
    sights = _sights(desk, watched)
    _supervise(desk, live, view.holdings, sights)
    return replace(view, books=live, sights={**view.sights, **sights})


def supervised(book: Book) -> bool:
    """Whether a price closes it, and not a leg at the broker."""
    return contract(book.symbol) is not None and book.stage is Stage.OPEN


def _supervise(
    desk: PositionDesk, live: dict[str, Book], holdings: Mapping[str, Holding], sights: Mapping[str, Sight]
) -> None:
    symbols = [book.symbol for book in live.values() if book.symbol in holdings and supervised(book)]
    if desk.lease.holds():
        supervise(desk, live, seen(live, holdings, sights), symbols)


def _grant_looks(desk: PositionDesk) -> None:
    """So that hundreds of positions without a stop do not use up what the account may ask of the broker."""
    now, memory = desk.now(), desk.memory
    gone_by = Decimal((now - memory.looks_granted).total_seconds()) if memory.looks_granted else Decimal(0)
    earned = memory.looks + gone_by * LOOKS_A_SECOND if memory.looks_granted else Decimal(LOOKS_IN_A_TURN)
    memory.looks, memory.looks_granted = min(earned, Decimal(LOOKS_IN_A_TURN)), now


def report(desk: PositionDesk, view: View) -> None:
    """Say what is held, each and together."""
    at = seen(view.books, view.holdings, view.sights)
    for symbol, book in view.books.items():
        if symbol in view.holdings:
            _say_held(desk, _scene(desk, view, book), _ahead(desk, view, at, book))
    books = view.books.values()
    desk.say(
        PositionsHeld(
            account=desk.name,
            positions=len(view.holdings),
            unprotected=sum(book.unprotected_since is not None for book in books),
            exiting=sum(book.stage is Stage.EXITING for book in books),
            unrealized=sum((each.unrealized for each in view.holdings.values()), Decimal(0)),
            realized_today=desk.ledger.realized(day_began(desk.now())),
        )
    )


def _sights(desk: PositionDesk, books: Iterable[Book]) -> dict[str, Sight]:
    """Quotes of the contracts held: shares need one only when something is wrong, and then a fresh one."""
    contracts = tuple(book.symbol for book in books if contract(book.symbol) is not None)
    if not contracts or not desk.market_open():
        return {}
    memory, now = desk.memory, desk.now()
    if len(contracts) > NAMES and _fresh(desk, contracts, now):
        return memory.quotes
    memory.looks -= A_QUOTE * requests_for(len(contracts))
    memory.quotes, memory.quoted, memory.quoted_at = desk.broker.sights(contracts), frozenset(contracts), now
    return memory.quotes


def _fresh(desk: PositionDesk, contracts: tuple[str, ...], now: datetime) -> bool:
    """Whether the quotes of all these were read so lately that they are not due again."""
    at, asked = desk.memory.quoted_at, desk.memory.quoted
    return at is not None and asked.issuperset(contracts) and now - at < quotes_every(desk, len(contracts))


def requests_for(contracts: int) -> int:
    """Requests that the quotes of so many contracts take."""
    return -(-contracts // NAMES)


def quotes_every(desk: PositionDesk, contracts: int) -> timedelta:
    """Between two readings of their quotes: as declared for each hundred, so that it is one request at a time."""
    return timedelta(seconds=desk.policy.options.quote_seconds * max(1, requests_for(contracts)))


def _see_to(desk: PositionDesk, book: Book, holding: Holding | None, orders: tuple[Working, ...]) -> Book:
    if holding is None:
        return book  # gone, and the statement is about to say how
    return look_after(desk, book, holding, tuple(each for each in orders if each.symbol == book.symbol))


def _cancel_strays(
    desk: PositionDesk, holdings: Mapping[str, Holding], live: Mapping[str, Book], orders: tuple[Working, ...]
) -> None:
    """A leg that outlived its position would open another one the other way round."""
    closing = {each.id: each for each in orders if each.order_class in STRAY and each.armed and not each.arms_legs}
    strays = {key: each for key, each in closing.items() if each.symbol not in holdings and each.symbol not in live}
    now, seen = desk.now(), desk.memory.strays
    desk.memory.strays = {key: seen.get(key, now) for key in strays}
    for key, first_seen in desk.memory.strays.items():
        old = now - first_seen >= timedelta(seconds=desk.policy.difference_grace_seconds)
        if old and desk.broker.holding(strays[key].symbol) is None:
            desk.say(StrayOrder(account=desk.name, symbol=strays[key].symbol, broker_order_id=key))
            desk.broker.cancel(key)


def _scene(desk: PositionDesk, view: View, book: Book) -> Scene:
    orders = tuple(each for each in view.orders if each.symbol == book.symbol)
    return Scene(book, view.holdings[book.symbol], orders, view.sights.get(book.symbol), desk.now())


def _say_held(desk: PositionDesk, scene: Scene, next_exit: Ahead) -> None:
    book, holding, since = scene.book, scene.holding, scene.book.unprotected_since
    desk.say(
        PositionHeld(
            account=desk.name,
            symbol=book.symbol,
            qty=holding.quantity,
            average_price=holding.average_price,
            unrealized=holding.unrealized,
            realized=book.tally.realized,
            age_seconds=seconds(desk.now() - book.opened_at),
            protection=protection(scene),
            unprotected_seconds=None if since is None else seconds(desk.now() - since),
            next_exit=next_exit.words,
            exit_rule=next_exit.rule,
            exit_seconds=None if next_exit.due is None else seconds(next_exit.due - desk.now()),
        )
    )


def _ahead(desk: PositionDesk, view: View, at: Seen, book: Book) -> Ahead:
    leaving = book.exit
    if leaving is not None:
        words = f"being closed: {leaving.reason} ({leaving.observed}; {leaving.threshold})"
        return Ahead(words, leaving.reason, leaving.at)
    if contract(book.symbol) is None:
        plan = plan_of(_scene(desk, view, book), desk.policy)
        return Ahead(f"its stop or its target at the broker: {plan.source}" if plan else "nothing: no plan is known")
    return ahead(desk, at, book.symbol)
