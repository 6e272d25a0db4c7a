"""One budget for every process of an account: in the real database, and towards a server that counts."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import monotonic

import pytest

from dispatcher.adapters import queries
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.adapters.budget import GOOD_SECONDS, PostgresBudget
from dispatcher.adapters.database import Connections, connect, execute
from dispatcher.adapters.session import BrokerSession, of_dispatcher, of_manager
from dispatcher.core.budget import MINUTE, SHARES_OF_A_DRAW, Priority, Told
from dispatcher.core.outcome import Accepted, Throttled
from dispatcher.ports import BrokerThrottledError, DatabaseUnavailableError
from dispatcher.shell.lease import LEASE_SECONDS
from tests.dispatcher.books import Books
from tests.dispatcher.cases import NOW, order
from tests.dispatcher.told import KEY, SECRET, TOLD
from tests.fakes.clock import FakeClock
from tests.fakes.venue import Answer, Venue

pytestmark = pytest.mark.world

LIMIT = 100


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def budget(books: Books, clock: Callable[[], float], account: str = "large", limit: int = LIMIT) -> PostgresBudget:
    books.run("DELETE FROM request_budgets WHERE ends_at < now()")
    return PostgresBudget(Connections(books.connect, 1), account, limit, clock)


def taken(budget: PostgresBudget, priority: Priority) -> int:
    """Take requests until one has to wait."""
    number = 0
    while budget.take(priority) == 0:
        number += 1
    return number


def take_in_a_process(url: str, password: str, priority: Priority) -> int:
    """As another process takes them."""
    connections = Connections(lambda: connect(url, password, name="another"), 1)
    try:
        return taken(PostgresBudget(connections, "large", LIMIT, monotonic), priority)
    finally:
        connections.close()


@pytest.fixture(autouse=True)
def untouched(books: Books) -> None:
    books.run("TRUNCATE request_budgets")


def test_a_process_that_sleeps_in_the_middle_of_a_draw_keeps_its_successor_waiting_for_less_than_a_lease(
    books: Books, clock: FakeClock
) -> None:
    asleep, began = books.connect(), monotonic()
    asleep.execute("BEGIN")
    execute(asleep, queries.BUDGET, {"account": "large"})

    waited = budget(books, clock).take(Priority.ENTRIES)

    assert (waited, monotonic() - began < LEASE_SECONDS) == (0, True)
    with pytest.raises(
        DatabaseUnavailableError, match="idle-in-transaction"
    ):  # so the sleeper hears, and connects again
        execute(asleep, queries.BUDGET, {"account": "large"})


def test_two_processes_share_one_minute_and_exits_still_find_theirs(books: Books) -> None:
    database = books.database
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        asked = [
            pool.submit(take_in_a_process, database.url, database.password, priority)
            for priority in (Priority.ENTRIES, Priority.RECONCILE)
        ]
        entries, reconcile = (each.result() for each in asked)
        (exits,) = pool.map(take_in_a_process, [database.url], [database.password], [Priority.EXITS])

    assert (entries + reconcile, exits, entries <= 60) == (75, 25, True)


def test_who_asks_seldom_uses_up_no_more_than_it_asks(books: Books, clock: FakeClock) -> None:
    ours = budget(books, clock)
    for _ in range(LIMIT // 2):
        assert ours.take(Priority.RECONCILE) == 0
        clock.pass_by(GOOD_SECONDS)

    assert taken(budget(books, clock), Priority.EXITS) >= LIMIT // 2 - LIMIT // SHARES_OF_A_DRAW


def test_accounts_have_a_budget_each(books: Books, clock: FakeClock) -> None:
    assert [taken(budget(books, clock, name), Priority.EXITS) for name in ("large", "tiny")] == [LIMIT, LIMIT]


def test_a_429_that_one_process_hears_closes_the_minute_for_the_other(books: Books, clock: FakeClock) -> None:
    ours, theirs = budget(books, clock), budget(books, clock)
    before = theirs.take(Priority.EXITS)
    ours.hear(Told(LIMIT, 0, seconds=30, refused=True))
    clock.pass_by(GOOD_SECONDS)

    assert (before, 29 < theirs.take(Priority.EXITS) <= 30, 29 < ours.take(Priority.EXITS) <= 30) == (0, True, True)


def test_the_brokers_own_limit_holds_where_it_is_lower(books: Books, clock: FakeClock) -> None:
    ours = budget(books, clock)
    ours.hear(Told(limit=10, remaining=10, seconds=60))

    assert taken(ours, Priority.EXITS) == 10


def test_without_the_database_nothing_is_held_up(clock: FakeClock) -> None:
    def away() -> None:
        raise DatabaseUnavailableError("connection refused")

    ours = PostgresBudget(Connections(away, 1), "large", 1, clock)  # type: ignore[arg-type]  # it never returns

    assert [ours.take(Priority.ENTRIES) for _ in range(3)] == [0, 0, 0]


def test_what_the_budget_has_not_is_not_asked_and_the_order_is_throttled(
    books: Books, clock: FakeClock, server: Venue
) -> None:
    shared = budget(books, clock, limit=1)
    broker = AlpacaBroker(key=KEY, secret=SECRET, trading_url=server.url, data_url=server.url, budget=shared)
    server.says(200, TOLD)
    sent, held = broker.submit(order()), broker.submit(order())

    with pytest.raises(BrokerThrottledError) as caught:
        broker.quotes(("AAPL",))

    assert isinstance(sent, Accepted)
    assert isinstance(held, Throttled)
    assert 0 < held.retry_seconds <= MINUTE
    assert 0 < caught.value.retry_seconds <= MINUTE
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("method", "path", "priority"),
    [
        ("POST", "/v2/orders", Priority.ENTRIES),
        ("GET", "/v2/stocks/quotes/latest", Priority.ENTRIES),
        ("GET", "/v2/assets/AAPL", Priority.ENTRIES),
        ("GET", "/v2/positions", Priority.RECONCILE),
        ("GET", "/v2/orders:by_client_order_id?client_order_id=x", Priority.RECONCILE),
        ("DELETE", "/v2/orders/1", Priority.RECONCILE),
    ],
)
def test_a_dispatchers_request_is_for_an_entry_or_for_the_truth(method: str, path: str, priority: Priority) -> None:
    assert of_dispatcher(method, f"http://127.0.0.1{path}") is priority
    assert of_manager(method, f"http://127.0.0.1{path}") is Priority.EXITS


def test_a_session_learns_from_every_answer(server: Venue) -> None:
    told: list[Told] = []

    class Listening:
        def take(self, priority: Priority) -> float:
            del priority
            return 0.0

        def hear(self, said: Told) -> None:
            told.append(said)

    answers = [
        Answer(200, {}, headers={"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "7"}),
        Answer(429, {}),
        Answer(200, {}),
    ]
    server.answering = lambda _: answers.pop(0)
    session = BrokerSession((5, 5), Listening(), of_dispatcher)
    for _ in range(3):
        session.request("GET", f"{server.url}/v2/account", headers={}, allow_redirects=False)
    session.close()

    assert told == [Told(200, 7, 2.0), Told(0, 0, 2.0, refused=True)]
