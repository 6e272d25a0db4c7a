"""The ledger in PostgreSQL. Account and epoch are bound once, so no statement can be about another account."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from dispatcher.adapters import queries
from dispatcher.adapters.database import Connections, execute
from dispatcher.adapters.listener import Ear
from dispatcher.core.entries import Entry, booked, restore
from dispatcher.core.execution import Execution
from dispatcher.core.gates import Check
from dispatcher.core.options.order import OptionOrder
from dispatcher.core.options.repricing import restore as restore_repricing
from dispatcher.core.options.volatility import Past
from dispatcher.core.outcome import Rejected
from dispatcher.core.reasons import Refusal
from dispatcher.core.standing import History
from dispatcher.core.state import LIVE, UNRESOLVED, State
from dispatcher.core.trades import ClosedTrade
from dispatcher.ports import Channel, Claim, LostAuthorityError, OpenOrder, Weighed


class PostgresLedger:
    """See ports.Ledger. Each statement is a transaction by itself, on whichever connection is free."""

    def __init__(self, connections: Connections, ear: Ear, *, account: str, epoch: int) -> None:
        self._connections = connections
        self._ear = ear
        self._bound = {"account": account, "epoch": epoch}

    def begin(self, at: datetime) -> int:
        """See ports.Ledger."""
        self._run(queries.CONSIDER_FROM, at=at)
        self.sweep(at)
        return len(self._run(queries.RELEASE_CLAIMED))

    def advance(self) -> None:
        """See ports.Ledger."""
        self._run(queries.ADVANCE)

    def sweep(self, at: datetime) -> None:
        """See ports.Ledger."""
        self._run(queries.SWEEP, at=at)

    def claim(self, at: datetime, skip: tuple[int, ...]) -> Claim | None:
        """See ports.Ledger."""
        row = self._run(queries.CLAIM, at=at, skip=list(skip))[0]
        del row["lazy"]
        if row.pop("fence") is None:
            raise LostAuthorityError("the lease is another's")
        return None if row["id"] is None else Claim(row["id"], row)

    def unclaim(self, recommendation_id: int) -> None:
        """See ports.Ledger."""
        self._one(queries.UNCLAIM, id=recommendation_id)

    def refuse(self, recommendation_id: int, refusal: Refusal, weighed: Weighed, at: datetime) -> None:
        """See ports.Ledger."""
        told = {"checks": _checks(weighed.checks), "rationale": _json(weighed.rationale)}
        self._one(queries.REFUSE, id=recommendation_id, at=at, **told, **asdict(refusal))

    def intend(self, claim: Claim, order: Entry, cost: Decimal, weighed: Weighed, at: datetime) -> None:
        """See ports.Ledger."""
        self._one(
            queries.INTEND,
            id=claim.recommendation_id,
            at=at,
            client_order_id=order.client_order_id,
            payload=Jsonb(order.payload()),
            payload_hash=_hash(order.payload()),
            cost=cost,
            checks=_checks(weighed.checks),
            rationale=_json(weighed.rationale),
            repricing=_json(weighed.repricing.document() if weighed.repricing is not None else None),
        )

    def reprice(self, recommendation_id: int, order: OptionOrder, at: datetime) -> None:
        """See ports.Ledger."""
        self._one(queries.REPRICE, id=recommendation_id, at=at, payload=Jsonb(order.payload()))

    def past_volatility(self, underlying: str, iv: Decimal, first: date, today: date) -> Past:
        """See ports.Ledger."""
        row = self._run(queries.PAST_VOLATILITY, underlying=underlying, iv=iv, first=first, today=today)[0]
        return Past(**row)

    def intend_again(self, recommendation_id: int, at: datetime) -> None:
        """See ports.Ledger."""
        self._one(queries.INTEND_AGAIN, id=recommendation_id, at=at)

    def accept(self, recommendation_id: int, execution: Execution, at: datetime) -> str:
        """See ports.Ledger."""
        return self._conclude(recommendation_id, UNRESOLVED, execution, at)

    def update(self, recommendation_id: int, was: State, execution: Execution, at: datetime) -> str:
        """See ports.Ledger."""
        return self._conclude(recommendation_id, (was,), execution, at)

    def reject(self, recommendation_id: int, rejected: Rejected, at: datetime) -> None:
        """See ports.Ledger."""
        self._one(
            queries.REJECT,
            id=recommendation_id,
            at=at,
            http_status=rejected.http_status,
            code=rejected.code,
            message=rejected.message or f"HTTP {rejected.http_status}",
            extra=Jsonb(dict(rejected.extra)),
        )

    def doubt(self, recommendation_id: int, why: str, at: datetime) -> None:
        """See ports.Ledger."""
        self._one(queries.DOUBT, id=recommendation_id, at=at, why=why)

    def not_placed(self, recommendation_id: int, refusal: Refusal, at: datetime) -> None:
        """See ports.Ledger."""
        self._one(queries.NOT_PLACED, id=recommendation_id, at=at, reason=refusal.reason, detail=refusal.detail)

    def unresolved(self) -> list[OpenOrder]:
        """See ports.Ledger."""
        return self._open_orders(UNRESOLVED)

    def live(self) -> list[OpenOrder]:
        """See ports.Ledger."""
        return self._open_orders(LIVE)

    def rejections(self, since: datetime) -> int:
        """See ports.Ledger."""
        return int(self._run(queries.REJECTIONS, since=since)[0]["rejections"])

    def history(self, symbol: str, since: datetime) -> History:
        """See ports.Ledger."""
        row = self._run(queries.HISTORY, symbol=symbol, since=since)[0]
        return History(row["orders"], row["last"])

    def newest_input(self) -> datetime | None:
        """See ports.Ledger."""
        rows = self._run(queries.NEWEST_INPUT)
        return rows[0]["created_at"] if rows else None

    def closed_trades(self, *, options: bool, most: int) -> tuple[ClosedTrade, ...]:
        """See ports.Ledger."""
        return tuple(ClosedTrade(**row) for row in self._run(queries.CLOSED_TRADES, options=options, most=most))

    def wait(self, seconds: float) -> frozenset[Channel]:
        """See ports.Ledger."""
        return self._ear.wait(seconds)

    def _open_orders(self, states: tuple[State, ...]) -> list[OpenOrder]:
        return [_open_order(row) for row in self._run(queries.WITHOUT_AN_ENDING, states=list(states))]

    def _conclude(self, recommendation_id: int, was: tuple[State, ...], execution: Execution, at: datetime) -> str:
        order = execution.order
        booking = booked(order)
        row = self._one(
            queries.CONCLUDE,
            id=recommendation_id,
            at=at,
            was=list(was),
            state=execution.state,
            broker_order_id=execution.broker_order_id,
            filled_qty=execution.filled_quantity,
            filled_avg_price=execution.filled_average_price,
            action=order.side.value.upper(),
            side=order.side.value,
            mode=execution.mode,
            status=execution.status,
            qty=Decimal(order.quantity),
            limit=order.limit.amount,
            client_order_id=order.client_order_id,
            payload=Jsonb(order.payload()),
            payload_hash=_hash(order.payload()),
            repricing=_json(execution.repricing.document() if execution.repricing is not None else None),
            **asdict(booking),
        )
        return str(row["execution_id"])

    def _run(self, statement: str, **parameters: Any) -> list[DictRow]:
        with self._connections.lend() as connection:
            return execute(connection, statement, self._bound | parameters)

    def _one(self, statement: str, **parameters: Any) -> DictRow:
        """A guarded change: no row means that the state or the lease was not what we thought."""
        rows = self._run(statement, **parameters)
        if not rows:
            raise LostAuthorityError("the claim or the lease is not in the state it was left in")
        return rows[0]


def _open_order(row: DictRow) -> OpenOrder:
    return OpenOrder(
        recommendation_id=row["recommendation_id"],
        recommended_at=row["recommended_at"],
        order=restore(row["payload"]),
        state=State(row["state"]),
        intended_at=row["intended_at"],
        since=row["since"],
        cost=row["cost"],
        broker_order_id=row["broker_order_id"],
        filled_quantity=row["filled_qty"],
        filled_average_price=row["filled_avg_price"],
        repricing=None if row["repricing"] is None else restore_repricing(row["repricing"]),
        priced_at=row["priced_at"],
    )


def _json(document: Mapping[str, object] | None) -> Jsonb | None:
    return None if document is None else Jsonb(document)


def _checks(checks: tuple[Check, ...]) -> Jsonb:
    return Jsonb([asdict(check) for check in checks])


def _hash(payload: Mapping[str, object]) -> str:
    return sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
