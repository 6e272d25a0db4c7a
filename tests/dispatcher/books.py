"""The real database as two processes of one account see it, and what a test needs to look behind them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from contract.environment import ExecutionMode
from dispatcher.adapters.database import Connections, connect
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Listener
from dispatcher.adapters.roster import PostgresRoster
from dispatcher.core.execution import Execution, conclude
from dispatcher.core.order import Order
from dispatcher.core.outcome import BrokerOrder, Rejected
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.state import State, of
from dispatcher.ports import Claim, Concluded, Meant, Weighed
from sandbox.postgres import Database
from tests.dispatcher.cases import NOW, at_broker, order, recommendation
from tests.dispatcher.world import insert

REFUSED = Refusal(Reason.STALE, Reason.STALE.meaning, "301.0 s", "300.0 s")
GONE = Refusal(Reason.NOT_SENT_IN_TIME, "absent at the broker")
REJECTED = Rejected(403, 40310000, "insufficient buying power", {"buying_power": "0"})


@dataclass
class Books:
    """A database with the schema in it. Every connection it gave is closed at the end of the test."""

    database: Database
    connections: list[Connection[DictRow]]
    listeners: list[Listener] = field(default_factory=list)

    def connect(self) -> Connection[DictRow]:
        """A connection as the service makes it."""
        self.connections.append(connect(self.database.url, self.database.password, name="test"))
        return self.connections[-1]

    def close(self) -> None:
        """Close every connection."""
        for listener in self.listeners:
            listener.close()
        for connection in self.connections:
            connection.close()

    def lease(self, account: str = "large") -> int:
        """The epoch under which a process has just taken the account's lease, whoever had it."""
        self.expire(account)
        return PostgresRoster(self._own, "test", (account,)).take((account,), 60)[account]

    def ledger(self, *, account: str = "large", epoch: int | None = None) -> PostgresLedger:
        """The ledger of a process that has just taken the account's lease, or says that it has."""
        if epoch is None:
            epoch = self.lease(account)
        self.run("UPDATE dispatch_accounts SET considers_after = 0 WHERE considers_after IS NULL")
        return self.as_left(account=account, epoch=epoch)

    def as_left(self, *, account: str = "large", epoch: int = 1) -> PostgresLedger:
        """The ledger of a process that says it holds the account's lease, and hears what the database tells."""
        listener = Listener(self.connect)
        listener.start()
        self.listeners.append(listener)
        assert listener.listening.wait(10)
        return PostgresLedger(Connections(self.connect, 1), listener.ear(account), account=account, epoch=epoch)

    def expire(self, account: str = "large") -> None:
        """Let the account's lease run out, whoever has it."""
        self.run("UPDATE dispatch_accounts SET expires_at = clock_timestamp() WHERE account = %s", account)

    def recommend(self, **row: Any) -> int:
        """Insert a recommendation as upstream does; its id."""
        with self.database.connect() as connection:
            return insert(connection, {"created_at": NOW} | row)

    def state(self, recommendation_id: int, account: str = "large") -> str | None:
        """Where the claim stands; None when there is none."""
        statement = "SELECT state FROM dispatch_claims WHERE recommendation_id = %s AND account = %s"
        rows = self.rows(statement, recommendation_id, account)
        return rows[0]["state"] if rows else None

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What a question of the test's own finds."""
        return self._own().execute(statement.encode(), values).fetchall()

    def run(self, statement: str, *values: object) -> None:
        """A change of the test's own."""
        self._own().execute(statement.encode(), values)

    def _own(self) -> Connection[DictRow]:
        """The test's own connection."""
        return self.connections[0] if self.connections else self.connect()


def claimed(ledger: PostgresLedger) -> Claim:
    """The next claim, which must be there."""
    (claim,) = claims(ledger)
    return claim


def claims(ledger: PostgresLedger, *skip: int, most: int = 1, since: datetime = NOW) -> tuple[Claim, ...]:
    """The next claims, as many as there are and `most` allows."""
    return ledger.claim(NOW, skip, most=most, since=since)


def meant(claim: Claim, order: Order, cost: Decimal = Decimal(1)) -> Meant:
    """An order as it is committed for its claim."""
    return Meant(claim.recommendation_id, order, cost, Weighed())


def placed(claim: Claim, **changes: Any) -> Order:
    """An order with the id that belongs to the claim."""
    return order(client_order_id=f"d1-{claim.recommendation_id}-entry", **changes)


def intended(ledger: PostgresLedger) -> tuple[Claim, Order]:
    """A claim whose intent is committed."""
    claim = claimed(ledger)
    ledger.intend([meant(claim, placed(claim), recommendation().id * placed(claim).limit.amount)], NOW)
    return claim, placed(claim)


def executed(meant: Order, **told: Any) -> Execution:
    """The order as concluded from what the broker tells of it."""
    found: BrokerOrder = at_broker(meant, **told)
    return conclude(meant, found, of(found), ExecutionMode.ALPACA_PAPER)


Step = Callable[[PostgresLedger, Claim, Order], object]


def accepting(status: str, filled: int = 0) -> Step:
    """The step that records an order as standing at the broker with the status."""

    def accept(ledger: PostgresLedger, claim: Claim, meant: Order) -> object:
        execution = executed(meant, status=status, filled_quantity=filled)
        return ledger.conclude([Concluded(claim.recommendation_id, execution)], NOW)

    return accept


PATHS: dict[State, tuple[Step, ...]] = {
    State.CLAIMED: (),
    State.REFUSED: (lambda ledger, claim, _: ledger.refuse(claim.recommendation_id, REFUSED, Weighed(), NOW),),
    State.INTENDED: (lambda ledger, claim, order: ledger.intend([meant(claim, order, order.limit.amount)], NOW),),
}
"""How a claim is brought into each state, step by step from the claim."""
_INTENDED = PATHS[State.INTENDED]
PATHS |= {
    State.UNKNOWN: (*_INTENDED, lambda ledger, claim, _: ledger.doubt(claim.recommendation_id, "timeout", NOW)),
    State.REJECTED: (*_INTENDED, lambda ledger, claim, _: ledger.reject(claim.recommendation_id, REJECTED, NOW)),
    State.NOT_PLACED: (*_INTENDED, lambda ledger, claim, _: ledger.not_placed(claim.recommendation_id, GONE, NOW)),
    State.ACCEPTED: (*_INTENDED, accepting("new")),
    State.PARTLY_FILLED: (*_INTENDED, accepting("partially_filled", 3)),
    State.FILLED: (*_INTENDED, accepting("filled", 10)),
    State.CANCELED: (*_INTENDED, accepting("canceled")),
    State.EXPIRED: (*_INTENDED, accepting("expired")),
}
