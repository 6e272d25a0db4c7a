"""The vocabulary of the log: one JSON object per line, one class per event.

The service says `render(event, speaker, at)`; operations read `parse(line)` and match on types and fields; infra asks
`pattern(Event, field=value)` for a metric filter. So a renamed field fails the type check and not a deployment.

Amounts, prices and quantities are Decimal in the classes and text on the wire: money is never a float. Fields are flat.

The file is long because the vocabulary is one: ten lines an event, and nowhere else to look for one.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, ClassVar, get_args, get_type_hints

from contract.environment import ExecutionMode
from contract.limits import TradingState


class ExecutionStatus(StrEnum):
    """What is true of an execution. EXECUTED is said only when something was filled."""

    ACCEPTED = "ACCEPTED"
    """The order rests at the broker; nothing is filled."""
    EXECUTED = "EXECUTED"
    """Filled quantity is above zero."""
    ENDED_UNFILLED = "ENDED_UNFILLED"
    """Canceled, expired or rejected after acceptance, with nothing filled."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks: the service, and the git revision its image was built from."""

    service: str
    build: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, said once. Subclasses are the vocabulary."""

    name: ClassVar[str]
    account: str | None = None


EVENTS: dict[str, type[Event]] = {}
"""Every event of the vocabulary by its name on the wire."""


def _event(kind: type[Event]) -> type[Event]:
    EVENTS[kind.name] = kind
    return kind


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStarted(Event):
    """A process began; it has not traded yet."""

    name = "service_started"
    command: str
    execution_mode: ExecutionMode
    accounts: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStopped(Event):
    """A process ended by itself, after finishing what it had in hand."""

    name = "service_stopped"
    reason: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFailed(Event):
    """Something needed for trading is missing or unreadable, so nothing is traded."""

    name = "check_failed"
    check: str
    subject: str
    evidence: str
    fix: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsInForce(Event):
    """The limits this process obeys for the account, and the hash of their document."""

    name = "limits_in_force"
    digest: str
    document: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConnected(Event):
    """The broker answered with the declared account."""

    name = "broker_connected"
    account_number: str
    buying_power: Decimal
    equity: Decimal
    host: str
    message: str = "Connected to Alpaca Paper Trading"


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUnavailable(Event):
    """The broker's truth could not be read; nothing is claimed until it can be."""

    name = "broker_unavailable"
    what: str
    error: str
    retry_seconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUnavailable(Event):
    """The database could not be reached; nothing is sent until it can be."""

    name = "database_unavailable"
    error: str
    retry_seconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class Standby(Event):
    """Another process holds the account's lease; this one sends nothing."""

    name = "standby"
    holder: str
    epoch: int


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAcquired(Event):
    """This process may trade for the account, under the epoch."""

    name = "lease_acquired"
    epoch: int


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLost(Event):
    """This process may no longer trade for the account."""

    name = "lease_lost"
    epoch: int
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationRefused(Event):
    """A recommendation ended without an order, for the reason."""

    name = "recommendation_refused"
    recommendation_id: int
    symbol: str
    reason: str
    detail: str
    observed: str | None = None
    threshold: str | None = None


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted(Event):
    """The broker took the order. Prices in USD per share (below 0: a credit), quantity in shares or contracts.

    An option has no stop and no target at the broker.
    """

    name = "order_accepted"
    recommendation_id: int
    client_order_id: str
    broker_order_id: str
    symbol: str
    side: str
    qty: Decimal
    limit_price: Decimal
    take_profit: Decimal | None
    stop_loss: Decimal | None
    broker_status: str
    milliseconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OptionChosen(Event):
    """What an option order is made of, before it is sent. The whole table of candidates is kept with the claim.

    `loss` is what one contract can lose at most, USD; `rank` is None where it is undefined, and `why` says why.
    """

    name = "option_chosen"
    recommendation_id: int
    symbol: str
    underlying: str
    candidates: int
    suitable: int
    score: Decimal | None
    iv: Decimal | None
    rank: Decimal | None
    contracts: int
    bound_by: str
    loss: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRepriced(Event):
    """An entry's limit was asked to move towards its bound. Premiums in USD per share; `answer` is the broker's."""

    name = "order_repriced"
    recommendation_id: int
    client_order_id: str
    symbol: str
    limit_price: Decimal
    was: Decimal
    bound: Decimal
    answer: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityRecorded(Event):
    """A day's implied volatilities were taken: how many underlyings, and how long it took."""

    name = "volatility_recorded"
    day: str
    underlyings: int
    there: int
    """Taken before."""
    recorded: int
    missing: int
    requests: int
    """A question of several pages counts once."""
    seconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityBackfilled(Event):
    """Past days' implied volatilities were worked out from bars. A day here is one of one underlying."""

    name = "volatility_backfilled"
    first_day: str
    last_day: str
    underlyings: int
    there: int
    """Days that were there before; they were left alone."""
    recorded: int
    missing: int
    requests: int
    """A question of several pages counts once."""
    seconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityMissing(Event):
    """An underlying has no volatility of a day, and why. No row is written: not 0."""

    name = "volatility_missing"
    day: str
    underlying: str
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected(Event):
    """The broker said no; final. Status, code and message are the broker's, whole."""

    name = "order_rejected"
    recommendation_id: int
    client_order_id: str
    symbol: str
    http_status: int
    code: int | None
    message: str
    extra: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown(Event):
    """The order may or may not stand at the broker. Neither success nor failure; it is looked up."""

    name = "order_unknown"
    recommendation_id: int
    client_order_id: str
    symbol: str
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDelayed(Event):
    """The order was surely not placed (throttled, or never sent); the same id is tried again while fresh."""

    name = "order_delayed"
    recommendation_id: int
    client_order_id: str
    symbol: str
    why: str
    retry_seconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResolved(Event):
    """An intended or unknown order has an answer now."""

    name = "order_resolved"
    recommendation_id: int
    client_order_id: str
    symbol: str
    was: str
    state: str
    how: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdated(Event):
    """An accepted order moved on at the broker: filled, partly filled, canceled or expired."""

    name = "order_updated"
    recommendation_id: int
    client_order_id: str
    symbol: str
    state: str
    filled_qty: Decimal
    filled_avg_price: Decimal | None


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRecorded(Event):
    """A row of `dispatch_executions` says what is true of the order."""

    name = "execution_recorded"
    execution_id: str
    recommendation_id: int
    symbol: str
    status: ExecutionStatus
    execution_mode: ExecutionMode
    qty: Decimal
    filled_qty: Decimal
    filled_avg_price: Decimal | None


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionOpened(Event):
    """A position exists at the broker that did not before."""

    name = "position_opened"
    symbol: str
    qty: Decimal
    average_price: Decimal | None
    source: str
    """The entry it came from, or that it was opened by hand."""


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionClosed(Event):
    """A position no longer exists at the broker. The profit is from its fills, first in first out."""

    name = "position_closed"
    symbol: str
    reason: str
    realized: Decimal
    """USD, before fees."""
    fees: Decimal
    """USD."""
    complete: bool
    """False while the broker's statement lacks a price, so that `realized` is not the whole."""
    held_seconds: Decimal
    unprotected_seconds: Decimal
    """How long shares were without a live stop, altogether."""


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged(Event):
    """A position is larger or smaller than before."""

    name = "position_changed"
    symbol: str
    qty: Decimal
    average_price: Decimal | None
    realized: Decimal
    """USD so far, before fees."""


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionHeld(Event):
    """A position as it stands; said with each heartbeat. Profit not yet realized is the broker's own figure."""

    name = "position_held"
    symbol: str
    qty: Decimal
    average_price: Decimal | None
    unrealized: Decimal
    """USD."""
    realized: Decimal
    """USD so far, before fees."""
    age_seconds: Decimal
    protection: str | None
    """The orders that protect it at the broker, in words; null when none stands."""
    unprotected_seconds: Decimal | None
    """Since when shares are without a live stop; null when all are protected or it is an option."""
    next_exit: str
    """What ends it next, and why, in words."""
    exit_rule: str | None = None
    """The exit by the clock that comes first, or the one that is under way; null where no clock runs."""
    exit_seconds: Decimal | None = None
    """Until then, by the broker's clock; below 0 since it was decided."""


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsHeld(Event):
    """All positions together; said with each heartbeat."""

    name = "positions_held"
    positions: int
    unprotected: int
    exiting: int
    unrealized: Decimal
    """USD, the broker's own figure."""
    realized_today: Decimal
    """USD of positions closed today, less fees."""


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionUnprotected(Event):
    """Shares are without a live stop, and why. Said when it begins, when the reason changes, and while it lasts."""

    name = "position_unprotected"
    symbol: str
    qty: Decimal
    seconds: Decimal
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionProtected(Event):
    """Live stops stand for all shares again, after so many seconds."""

    name = "position_protected"
    symbol: str
    seconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ExitDecided(Event):
    """A position is to be closed, and why: what was observed and what was declared."""

    name = "exit_decided"
    symbol: str
    qty: Decimal
    reason: str
    observed: str
    threshold: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ExitUndecided(Event):
    """A price should decide over a position, and there is none that may.

    Said at once, and again while it lasts; `seconds` is for how long, as far as this process has seen it.
    """

    name = "exit_undecided"
    symbol: str
    seconds: Decimal
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ExitOrder(Event):
    """An order that protects or closes a position came into a state."""

    name = "exit_order"
    symbol: str
    purpose: str
    client_order_id: str
    broker_order_id: str | None
    state: str
    detail: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ExitUnanswered(Event):
    """Nobody says for longer than declared what became of an order that protects or closes. Again while it lasts."""

    name = "exit_unanswered"
    symbol: str
    purpose: str
    client_order_id: str
    state: str
    seconds: Decimal


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStuck(Event):
    """A position should be closed for longer than declared, and is not. Said again while it lasts, once for a night."""

    name = "exit_stuck"
    symbol: str
    reason: str
    seconds: Decimal
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class StrayOrder(Event):
    """An order that would close more than is held; it is cancelled before it opens a position the other way round."""

    name = "stray_order"
    symbol: str
    broker_order_id: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAnswered(Event):
    """What became of a person's request to close a position or all of them."""

    name = "request_answered"
    request: str
    ask: str
    symbol: str | None
    by: str
    answer: str
    detail: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ControlUnavailable(Event):
    """The control table could not be read or written; requests wait."""

    name = "control_unavailable"
    error: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged(Event):
    """The stream of trade updates was connected or lost. Whatever it told or did not tell, the broker is read."""

    name = "stream_changed"
    connected: bool
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class PositionDifference(Event):
    """Broker and database disagree. The broker is right."""

    name = "position_difference"
    symbol: str
    broker_qty: Decimal
    database_qty: Decimal
    done: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileCompleted(Event):
    """Every order without an ending was compared with the broker."""

    name = "reconcile_completed"
    unresolved_before: int
    unresolved_after: int


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateChanged(Event):
    """What the account may do has changed."""

    name = "trading_state_changed"
    state: TradingState
    why: str


@_event
@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Event):
    """Counts since the last one. Liveness is output, not a process."""

    name = "heartbeat"
    seconds: Decimal
    standing_by: bool
    considered: int
    refused: int
    accepted: int
    rejected: int
    unknown: int
    unresolved: int
    newest_input_seconds: Decimal | None
    """Age of the newest recommendation, so that "running but nothing comes in" is visible."""
    refused_by: str = "{}"
    """`refused` by reason, as JSON, so that "running and refusing everything" is visible too."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log, as far as it could be read.

    `name` and `fields` are set for any JSON line with an `event`, ours or the original system's. A line of plain text
    has only `raw`.
    """

    raw: str
    name: str | None = None
    fields: Mapping[str, Any] | None = None
    at: datetime | None = None
    speaker: Speaker | None = None

    @property
    def event(self) -> Event | None:
        """The line as an event of the vocabulary; None when it is none, or not a whole one."""
        return _typed(self.name, self.fields) if self.name in EVENTS and self.fields is not None else None


_LEGACY_EXECUTION = (
    "execution_id",
    "recommendation_id",
    "ticker",
    "action",
    "entry_price",
    "qty",
    "notional",
    "stop_loss",
    "take_profit",
    "execution_mode",
)
LEGACY_EVENTS: dict[str, tuple[str, ...]] = {
    "execution_simulated": _LEGACY_EXECUTION,
    "execution_executed": _LEGACY_EXECUTION,
    "recommendation_skipped": ("recommendation_id", "ticker", "reason", "failed_gates"),
    "processing_error": ("recommendation_id", "ticker", "error"),
    "dispatcher_error": ("error_type", "error_message"),
    "dispatcher_loop_error": ("error", "error_type", "action"),
    "run_complete": ("run_id", "counts", "total_executions_today"),
}
"""Events of the original system that a rule may speak of, with the fields its lines carry (flat, or under `data`)."""


def render(event: Event, speaker: Speaker, at: datetime) -> str:
    """The event as one line of JSON. `at` is an aware datetime."""
    envelope = {"ts": at.isoformat(), "event": event.name, "service": speaker.service, "build": speaker.build}
    said = {field.name: getattr(event, field.name) for field in fields(event)}
    return json.dumps(envelope | said, default=str)


def parse(line: str) -> Line:
    """Read a line of ours, of the original system, or of anyone. Never raises: what cannot be read stays raw."""
    raw = line.rstrip("\n")
    document = _json_object(raw)
    if document is None or not isinstance(document.get("event"), str):
        return Line(raw)

    said = _flat(document)
    name = said.pop("event")
    at = _time(said.pop("ts", said.pop("timestamp", None)))
    speaker = Speaker(str(said.pop("service", "")), str(said.pop("build", "")))
    return Line(raw, name, said, at, speaker)


def pattern(kind: type[Event], **equals: object) -> str:
    """The CloudWatch Logs filter pattern that matches the event, optionally with field values.

    Raises:
        ValueError: the event has no such field.
    """
    known = {field.name for field in fields(kind)}
    if unknown := set(equals) - known:
        raise ValueError(f"{kind.name} has no field {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
    terms = [f"($.{field} = {_filter_value(value)})" for field, value in {"event": kind.name, **equals}.items()]
    return "{ " + " && ".join(terms) + " }"


def _filter_value(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(value) if isinstance(value, int) else json.dumps(str(value))


def _json_object(raw: str) -> dict[str, Any] | None:
    """The JSON object of a line, also behind a prefix such as a log tail's time stamp."""
    start = raw.find("{")
    if start < 0:
        return None
    try:
        document = json.loads(raw[start:])
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a line, those the original put under `data` beside the others."""
    inner = document.get("data")
    return {**document, **inner, "event": document["event"]} if isinstance(inner, dict) else dict(document)


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _typed(name: str, said: Mapping[str, Any]) -> Event | None:
    try:
        return EVENTS[name](**{field: _value(hint, said[field]) for field, hint in _expected(name, said)})
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return None


def _expected(name: str, said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields with their types; what an older build did not say yet and may be missing is left out."""
    optional = {field.name for field in fields(EVENTS[name]) if field.default is not MISSING} - {"account"}
    return ((field, hint) for field, hint in _hints(name).items() if field in said or field not in optional)


@cache
def _hints(name: str) -> Mapping[str, Any]:
    """The type of every field of the event. Kept, because a log has many lines of few kinds."""
    kind = EVENTS[name]
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _value(hint: Any, value: Any) -> Any:
    """The wire's value as the class's type."""
    if value is None and NoneType in get_args(hint):
        return None
    kind = next((each for each in get_args(hint) if each is not NoneType), hint)
    if kind is bool or kind is int:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not {kind.__name__}")
        return value
    if kind is str and not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return kind(value)
