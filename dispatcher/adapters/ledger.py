"""The ledger in PostgreSQL. Account and epoch are bound once, so no statement can be about another account."""

import json
from collections.abc import Collection, Mapping, Sequence
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
from dispatcher.core.gates import Check
from dispatcher.core.options.order import OptionOrder
from dispatcher.core.options.repricing import Repricing
from dispatcher.core.options.repricing import restore as restore_repricing
from dispatcher.core.options.volatility import Past
from dispatcher.core.outcome import Rejected
from dispatcher.core.reasons import Refusal
from dispatcher.core.standing import History
from dispatcher.core.state import LIVE, UNRESOLVED, State
from dispatcher.core.trades import ClosedTrade
from dispatcher.ports import Channel, Claim, Concluded, LostAuthorityError, Meant, OpenOrder, Weighed


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

    def claim(self, at: datetime, skip: tuple[int, ...], *, most: int, since: datetime) -> tuple[Claim, ...]:
        """See ports.Ledger."""
        rows = self._run(queries.CLAIM, at=at, skip=list(skip), most=most, since=since)
        if rows[0]["fence"] is None:
            raise LostAuthorityError("the lease is another's")
        return tuple(_claim(row) for row in rows if row["id"] is not None)

    def unclaim(self, recommendation_ids: Sequence[int]) -> None:
        """See ports.Ledger."""
        self._all(len(recommendation_ids), queries.UNCLAIM, ids=list(recommendation_ids))

    def refuse(self, recommendation_id: int, refusal: Refusal, weighed: Weighed, at: datetime) -> None:
        """See ports.Ledger."""
        told = {"checks": Jsonb(_checks(weighed.checks)), "rationale": _json(weighed.rationale)}
        self._one(queries.REFUSE, id=recommendation_id, at=at, **told, **asdict(refusal))

    def intend(self, meant: Sequence[Meant], at: datetime) -> None:
        """See ports.Ledger."""
        self._all(len(meant), queries.INTEND, at=at, meant=Jsonb([_meant(each) for each in meant]))

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

    def conclude(self, concluded: Sequence[Concluded], at: datetime) -> dict[int, str]:
        """See ports.Ledger."""
        told = Jsonb([_told(each) for each in concluded])
        rows = self._all(len(concluded), queries.CONCLUDE, at=at, told=told)
        return {row["recommendation_id"]: str(row["execution_id"]) for row in rows}

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

    def ordered(self, recommendation_ids: Collection[int]) -> frozenset[int]:
        """See ports.Ledger."""
        rows = self._run(queries.ORDERED, ids=list(recommendation_ids))
        return frozenset(row["recommendation_id"] for row in rows)

    def newest_input(self) -> datetime | None:
        """See ports.Ledger."""
        rows = self._run(queries.NEWEST_INPUT)
        return rows[0]["created_at"] if rows else None

    def closed_trades(self, *, options: bool, most: int) -> tuple[ClosedTrade, ...]:
        """See ports.Ledger."""
        return tuple(ClosedTrade(**row) for row in self._run(queries.CLOSED_TRADES, options=options, most=most))

    def expected(self) -> frozenset[str]:
        """See ports.Ledger."""
        return self._ear.expected()

    def wait(self, seconds: float) -> frozenset[Channel]:
        """See ports.Ledger."""
        return self._ear.wait(seconds)

    def _open_orders(self, states: tuple[State, ...]) -> list[OpenOrder]:
        return [_open_order(row) for row in self._run(queries.WITHOUT_AN_ENDING, states=list(states))]

    def _run(self, statement: str, **parameters: Any) -> list[DictRow]:
        with self._connections.lend() as connection:
            return execute(connection, statement, self._bound | parameters)

    def _one(self, statement: str, **parameters: Any) -> None:
        """A guarded change of one claim."""
        self._all(1, statement, **parameters)

    def _all(self, count: int, statement: str, **parameters: Any) -> list[DictRow]:
        """A guarded change of so many claims: fewer rows mean that a state or the lease was not what we thought."""
        rows = self._run(statement, **parameters)
        if len(rows) != count:
            raise LostAuthorityError("the claim or the lease is not in the state it was left in")
        return rows


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


def _claim(row: DictRow) -> Claim:
    history = History(row.pop("orders"), row.pop("last"))
    del row["lazy"], row["fence"]
    return Claim(row["id"], row, history)


def _meant(meant: Meant) -> dict[str, object]:
    """One of the rows that INTEND reads."""
    weighed = meant.weighed
    return {
        "id": meant.recommendation_id,
        **_sendable(meant.order),
        "cost": str(meant.cost),
        "checks": _checks(weighed.checks),
        "rationale": weighed.rationale,
        "repricing": _document(weighed.repricing),
    }


def _told(concluded: Concluded) -> dict[str, object]:
    """One of the rows that CONCLUDE reads. Numbers go as text, and so stay exact."""
    execution, order = concluded.execution, concluded.execution.order
    booking = booked(order)
    return {
        "id": concluded.recommendation_id,
        "was": concluded.was,
        "state": execution.state,
        "broker_order_id": execution.broker_order_id,
        **_sendable(order),
        "repricing": _document(execution.repricing),
        "filled_qty": str(execution.filled_quantity),
        "filled_avg_price": _text(execution.filled_average_price),
        "side": order.side.value,
        "mode": execution.mode,
        "status": execution.status,
        "qty": str(order.quantity),
        "limit": str(order.limit.amount),
        "instrument": booking.instrument,
        "notional": str(booking.notional),
        "stop_loss": _text(booking.stop_loss),
        "take_profit": _text(booking.take_profit),
        "option_symbol": booking.option_symbol,
        "strike": _text(booking.strike),
        "expires": _text(booking.expires),
        "contracts": booking.contracts,
    }


def _sendable(order: Entry) -> dict[str, object]:
    """What was or will be sent, and the hash that it is known by."""
    payload = order.payload()
    return {"client_order_id": order.client_order_id, "payload": payload, "payload_hash": _hash(payload)}


def _document(repricing: Repricing | None) -> Mapping[str, object] | None:
    return None if repricing is None else repricing.document()


def _text(value: Decimal | date | None) -> str | None:
    return None if value is None else str(value)


def _checks(checks: tuple[Check, ...]) -> list[dict[str, object]]:
    return [
        {"passed": each.passed, "reason": each.reason, "observed": each.observed, "threshold": each.threshold}
        for each in checks
    ]


def _hash(payload: Mapping[str, object]) -> str:
    return sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
