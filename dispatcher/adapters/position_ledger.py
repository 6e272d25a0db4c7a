"""The position manager's books in PostgreSQL. A symbol's books change together, under the lease, or not at all."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from dispatcher.adapters import position_queries as queries
from dispatcher.adapters.database import translated
from dispatcher.core.order import Side
from dispatcher.core.order import restore as restore_entry
from dispatcher.core.positions.book import Book, Exit, ExitReason, Plan, Stage
from dispatcher.core.positions.lots import Movement
from dispatcher.core.positions.orders import Oco, Purpose, restore
from dispatcher.core.state import WAYS, State
from dispatcher.ports import LostAuthorityError
from dispatcher.position_ports import Attempts, SentOrder


class PostgresPositionLedger:
    """See position_ports.PositionLedger. One connection; not to be shared between threads."""

    def __init__(self, connection: Connection[DictRow], *, account: str, lease: str, epoch: int) -> None:
        self._connection = connection
        self._bound = {"account": account, "lease": lease, "epoch": epoch}
        self._placed: dict[int, tuple[Movement, ...]] = {}  # as read or written; the version guards that it still is so

    def began(self, at: datetime) -> datetime:
        """See position_ports.PositionLedger."""
        began: datetime = self._run(queries.BEGAN, at=at)[0]["began_at"]
        return began

    def latest_fill(self) -> tuple[datetime, str] | None:
        """See position_ports.PositionLedger."""
        rows = self._run(queries.LATEST_FILL)
        return (rows[0]["at"], rows[0]["id"]) if rows else None

    def enter(self, lines: tuple[Movement, ...]) -> None:
        """See position_ports.PositionLedger."""
        with self._transaction():
            for line in lines:
                self._do(queries.ENTER, **asdict(line))

    def books(self) -> dict[str, tuple[Book, ...]]:
        """See position_ports.PositionLedger."""
        rows = self._run(queries.BOOKS)
        moved: dict[int, list[Movement]] = defaultdict(list)
        for row in self._run(queries.MOVEMENTS, positions=[row["id"] for row in rows]):
            moved[row.pop("position_id")].append(Movement(**row))
        found: dict[str, tuple[Book, ...]] = {}
        self._placed = {row["id"]: tuple(moved[row["id"]]) for row in rows}
        for row in rows:
            found[row["symbol"]] = (*found.get(row["symbol"], ()), _book(row, self._placed[row["id"]]))
        return found

    def incoming(self) -> dict[str, tuple[Movement, ...]]:
        """See position_ports.PositionLedger."""
        found: dict[str, tuple[Movement, ...]] = {}
        for row in self._run(queries.INCOMING):
            found[row["symbol"]] = (*found.get(row["symbol"], ()), Movement(**row))
        return found

    def save(self, *books: Book) -> tuple[Book, ...]:
        """See position_ports.PositionLedger."""
        with self._transaction():
            self._fence()
            return tuple(self._save(book) for book in books)

    def set_aside(self, lines: tuple[Movement, ...]) -> None:
        """See position_ports.PositionLedger."""
        with self._transaction():
            self._do(queries.SET_ASIDE, ids=[line.id for line in lines])

    def plan(self, book: Book) -> Plan | None:
        """See position_ports.PositionLedger."""
        side = Side.BUY if book.quantity > 0 else Side.SELL
        rows = self._run(queries.PLAN, symbol=book.symbol, side=side, orders=list(book.orders), adopted=book.adopted)
        if not rows:
            return None
        entry = restore_entry(rows[0]["payload"])
        return Plan(entry.stop_loss.amount, entry.take_profit.amount, f"entry {entry.client_order_id}")

    def intend(self, *orders: SentOrder) -> None:
        """See position_ports.PositionLedger."""
        with self._transaction():
            self._fence()
            for order in orders:
                self._intend(order)

    def _intend(self, order: SentOrder) -> None:
        payload = order.oco.payload() if order.oco is not None else None
        self._do(
            queries.INTEND,
            client_order_id=order.client_order_id,
            position=order.position,
            symbol=order.symbol,
            purpose=order.purpose,
            sequence=order.sequence,
            at=order.intended_at,
            payload=None if payload is None else Jsonb(payload),
            payload_hash=None if payload is None else _hash(payload),
        )

    def move(self, order: SentOrder, state: State, at: datetime, *, detail: str | None = None) -> SentOrder:
        """See position_ports.PositionLedger."""
        moved = self._run(
            queries.MOVE,
            client_order_id=order.client_order_id,
            was=[order.state] if state in {order.state, *WAYS[order.state]} else [],
            state=state,
            at=at,
            broker_order_id=order.broker_order_id,
            detail=detail,
        )
        if not moved:
            raise LostAuthorityError(f"the order {order.client_order_id} is not {order.state} any more")
        return replace(order, state=state, since=order.since if state is order.state else at)

    def orders(self) -> tuple[SentOrder, ...]:
        """See position_ports.PositionLedger."""
        return tuple(_order(row) for row in self._run(queries.ORDERS))

    def attempts(self, position: int, purpose: Purpose) -> Attempts:
        """See position_ports.PositionLedger."""
        rows = self._run(queries.ATTEMPTS, position=position, purpose=purpose)
        if not rows:
            return Attempts(0, None, None)
        return Attempts(rows[0]["sequence"], State(rows[0]["state"]), rows[0]["since"])

    def realized(self, since: datetime) -> Decimal:
        """See position_ports.PositionLedger."""
        return Decimal(self._run(queries.REALIZED_SINCE, since=since)[0]["realized"])

    def tell(self) -> None:
        """See position_ports.PositionLedger."""
        self._run(queries.TELL)

    def _save(self, book: Book) -> Book:
        saved = replace(book, version=book.version + 1)
        statement = queries.OPEN if book.id is None else queries.CHANGE
        rows = self._run(statement, id=book.id, symbol=book.symbol, **_row(saved))
        if not rows:
            raise LostAuthorityError(f"the position {book.id} is not at version {book.version} any more")
        number: int = rows[0]["id"]
        if self._placed.get(number) != book.movements:
            self._place(number, book.movements)
        return replace(saved, id=number)

    def _place(self, position: int, movements: tuple[Movement, ...]) -> None:
        """Write where each line belongs; adjustments that are not among them any more were explained."""
        self._do(queries.FORGET_ADJUSTMENTS, id=position)
        for place, movement in enumerate(movements):
            self._do(queries.PLACE, position_id=position, place=place, **asdict(movement))
        self._placed[position] = movements

    def _fence(self) -> None:
        if not self._run(queries.FENCE):
            raise LostAuthorityError("the lease is another's")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(), self._connection.transaction():
            yield

    def _run(self, statement: str, **parameters: Any) -> list[DictRow]:
        with translated():
            return self._connection.execute(statement.encode(), self._bound | parameters).fetchall()

    def _do(self, statement: str, **parameters: Any) -> None:
        with translated():
            self._connection.execute(statement.encode(), self._bound | parameters)


def _row(book: Book) -> dict[str, Any]:
    tally, plan, leaving = book.tally, book.plan, book.exit
    return {
        "stage": book.stage,
        "version": book.version,
        "quantity": tally.quantity,
        "average_price": tally.average_price,
        "realized": tally.realized,
        "cost": tally.cost,
        "fees": tally.fees,
        "complete": tally.complete,
        "opened_at": book.opened_at,
        "closed_at": book.closed_at,
        "stop_loss": plan.stop_loss if plan else None,
        "take_profit": plan.take_profit if plan else None,
        "plan_source": plan.source if plan else None,
        "peak": book.peak,
        "exit_reason": leaving.reason if leaving else None,
        "exit_observed": leaving.observed if leaving else None,
        "exit_threshold": leaving.threshold if leaving else None,
        "exit_at": leaving.at if leaving else None,
        "unprotected_since": book.unprotected_since,
        "unprotected_seconds": book.unprotected_seconds,
    }


def _book(row: DictRow, movements: tuple[Movement, ...]) -> Book:
    return Book(
        symbol=row["symbol"],
        opened_at=row["opened_at"],
        movements=movements,
        stage=Stage(row["stage"]),
        id=row["id"],
        version=row["version"],
        plan=Plan(row["stop_loss"], row["take_profit"], row["plan_source"]) if row["plan_source"] else None,
        peak=row["peak"],
        exit=_exit(row),
        unprotected_since=row["unprotected_since"],
        unprotected_seconds=row["unprotected_seconds"],
        closed_at=row["closed_at"],
    )


def _exit(row: DictRow) -> Exit | None:
    if row["exit_reason"] is None:
        return None
    return Exit(ExitReason(row["exit_reason"]), row["exit_observed"], row["exit_threshold"], row["exit_at"])


def _order(row: DictRow) -> SentOrder:
    oco: Oco | None = None if row["payload"] is None else restore(row["payload"])
    return SentOrder(
        client_order_id=row["client_order_id"],
        position=row["position_id"],
        symbol=row["symbol"],
        purpose=Purpose(row["purpose"]),
        sequence=row["sequence"],
        intended_at=row["intended_at"],
        since=row["since"],
        state=State(row["state"]),
        oco=oco,
        broker_order_id=row["broker_order_id"],
    )


def _hash(payload: dict[str, object]) -> str:
    return sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
