"""What an order costs in the books of a new database, of which the planner knows nothing: the first, and the 4,000th.

Claim, intent and ending, each with its commit to disk, on one connection whose plans were made for the first orders.
"""

from collections.abc import Iterator
from decimal import Decimal
from time import monotonic

from benchmarks.bench.claiming import NOW, ledger_on
from benchmarks.bench.dispatching import insert
from benchmarks.bench.measure import Measure, percentile
from contract.environment import ExecutionMode
from dispatcher.adapters import migrations
from dispatcher.adapters.database import connect
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.core import state
from dispatcher.core.execution import conclude
from dispatcher.core.order import Order, Side, on_tick
from dispatcher.core.outcome import BrokerOrder
from dispatcher.ports import Concluded, Meant, Weighed
from sandbox.postgres import Postgres

ORDERS = 4_000
TIMED = 200
"""So many at the beginning, and so many at the end."""


def measures() -> Iterator[Measure]:
    """The median order of the last ones against that of the first ones."""
    with Postgres.temporary() as server:
        server.configure(autovacuum="off")
        url, password = server.database.url, server.database.password
        migrations.upgrade(url, password)
        with connect(url, password, name="bench") as connection, server.database.connect() as upstream:
            ledger = ledger_on(connection)
            ledger.begin(NOW)
            milliseconds = []
            for number in range(ORDERS):
                insert(upstream, NOW, f"S{number}")
                milliseconds.append(_order(ledger))
                if number % 20 == 0:
                    ledger.advance()
    first, last = (percentile(each, 50) for each in (milliseconds[:TIMED], milliseconds[-TIMED:]))
    yield Measure(f"order_{ORDERS}_in_new_books_ms", last, first, "ms, median", f"the first {TIMED}")


def _order(ledger: PostgresLedger) -> float:
    """Milliseconds of one order in the books."""
    began = monotonic()
    (claim,) = ledger.claim(NOW, (), most=1, since=NOW)
    number = claim.recommendation_id
    prices = (on_tick(each) for each in ("200.00", "210.00", "190.00"))
    order = Order(f"d1-{number}-entry", f"S{number}", Side.BUY, 1, *prices)
    ledger.intend([Meant(number, order, Decimal(200), Weighed())], NOW)
    taken = BrokerOrder(f"broker-{number}", order.client_order_id, "new")
    ledger.conclude([Concluded(number, conclude(order, taken, state.of(taken), ExecutionMode.ALPACA_PAPER))], NOW)
    return (monotonic() - began) * 1000
