"""The exchange's declared configuration: accounts, market, clock, settings, faults (TOML)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.exchange import replay, sessions
from sandbox.exchange.faults import Fault, read_fault
from sandbox.exchange.replay import Recording
from sandbox.exchange.text import nanoseconds

Table = Mapping[str, object]


class ConfigError(ValueError):
    """The configuration names something that does not exist or has the wrong kind."""


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One account: number, keys, cash in USD, buying-power multiplier, shares held at the start."""

    number: str = "PA3SANDBOX01"
    key: str = "PKSANDBOX"
    secret: str = "sandbox-secret"  # noqa: S105 - it opens nothing but this sandbox
    cash: Decimal = Decimal(100_000)
    multiplier: Decimal = Decimal(4)
    shorting_enabled: bool = True
    trading_blocked: bool = False
    closing_only: bool = False
    options_level: int = 3
    positions: Mapping[str, Table] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """Switches that may be changed while the exchange runs; MEANINGS says what each does."""

    rate_limit: int = 200
    partial_fill_probability: Decimal = Decimal(0)
    unique_client_order_ids: bool = True
    reuse_client_order_id_after_cancel: bool = False
    cancel_seconds: Decimal = Decimal(0)
    volatility: Decimal = Decimal(1)
    asset_easy_to_borrow: bool = True
    asset_borrow_status: bool = True
    unknown_asset_code: int = 42210000
    minimum_notional_status: int = 422
    wash_trade_status: int = 403
    rate_limit_code: int = 0
    intraday_margin_code: int = 0
    extended_gtc: bool = True
    bracket_stop_limit_entry: bool = False
    stream_connections: int = 1
    locates_required: bool = True
    options_gtc: bool = False
    options_stops: bool = False
    options_increments: bool = True
    options_cutoff: str = "15:30"
    options_expiring_today_limit: int = 0
    free_plan: bool = False
    pattern_day_trading: bool = False
    day_trading_fields: bool = False


MEANINGS: Mapping[str, str] = {
    "rate_limit": "requests a minute and account before a 429; 0 lifts it",
    "partial_fill_probability": "how often a fill is partial; paper accounts: 0.1",
    "unique_client_order_ids": "false takes the same client_order_id again, so that second POSTs can be counted",
    "reuse_client_order_id_after_cancel": "true lets an id be used again once its order is over; sources differ",
    "cancel_seconds": "how long a cancel stays pending_cancel; negative: for ever",
    "volatility": "1 moves a stock a few per cent a month, 0 stands still",
    "asset_easy_to_borrow": "assets carry easy_to_borrow, which was announced to go in September 2026",
    "asset_borrow_status": "assets carry borrow_status",
    "unknown_asset_code": "the code of a 422 for a stock that is not listed: 42210000 or 40010001; sources differ",
    "minimum_notional_status": "422, or 403 with the cost basis's words, for an amount below 1 USD; sources differ",
    "wash_trade_status": "403, or 422 as one report has it",
    "rate_limit_code": "the code in the body of a 429; 0 leaves it out, 42910000 is what some expect",
    "intraday_margin_code": "not 0: every opening order is refused with this code, as in an intraday margin call",
    "extended_gtc": "extended-hours orders may be good till canceled; an older document says day only",
    "bracket_stop_limit_entry": "a bracket's or oto's entry may be a stop-limit order; some clients send it",
    "stream_connections": "trade_updates connections an account may have at once; 0 lifts it",
    "locates_required": "hard-to-borrow stocks are sold short up to what was located; false asks for no locate",
    "options_gtc": "option orders may be good till canceled; the documents disagree",
    "options_stops": "option orders may be stop and stop-limit; the documents disagree",
    "options_increments": "option prices off their increment are refused; the real ones may be routed differently",
    "options_cutoff": "Eastern time from which expiring contracts are not opened; the documents say 15:15 and 15:30",
    "options_expiring_today_limit": "contracts expiring today an account may hold; 0 is no limit",
    "free_plan": "no OPRA, no SIP of the last 15 minutes, no stream of it",
    "pattern_day_trading": "every opening order is refused with the retired 40310100",
    "day_trading_fields": "accounts carry the day-trading fields that were removed in July 2026",
}
_CHOICES: Mapping[str, tuple[object, ...]] = {
    "unknown_asset_code": (42210000, 40010001),
    "minimum_notional_status": (422, 403),
    "wash_trade_status": (403, 422),
}


@dataclass(frozen=True, slots=True)
class Config:
    """Everything an exchange starts from. `now` is ns UTC, None is the real time."""

    seed: int | None = None
    now: int | None = None
    clock_running: bool = True
    accounts: tuple[AccountConfig, ...] = (AccountConfig(),)
    settings: Settings = Settings()
    quotes: Mapping[str, Table] = field(default_factory=dict)
    recording: Recording = field(default_factory=dict)
    assets: Mapping[str, Table] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def load(path: Path) -> Config:
    """Read a TOML file. Raises ConfigError, naming the key, when it means nothing."""
    return read(tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal), path.parent)


def read(table: Table, folder: Path = Path()) -> Config:
    """Turn a parsed file into a configuration; a recording is looked for from its folder."""
    _only(table, {"seed", "now", "clock", "accounts", "settings", "quotes", "replay", "assets", "faults"})
    accounts = tuple(account(a) for a in _tables(table, "accounts")) or (AccountConfig(),)
    return Config(
        seed=_whole(table, "seed"),
        now=_now(table.get("now")),
        clock_running=_clock(table.get("clock", "running")),
        accounts=accounts,
        settings=settings(Settings(), _table(table, "settings")),
        quotes={symbol: _table(_table(table, "quotes"), symbol) for symbol in _table(table, "quotes")},
        recording=_recording(table, folder),
        assets={symbol: _table(_table(table, "assets"), symbol) for symbol in _table(table, "assets")},
        faults=tuple(read_fault(f) for f in _tables(table, "faults")),
    )


def account(table: Table) -> AccountConfig:
    """Read one account's table."""
    return replace(AccountConfig(), **_values(AccountConfig(), table))


def settings(before: Settings, table: Table) -> Settings:
    """Change some switches. Raises ConfigError for one that does not exist or a value it cannot have."""
    changed = replace(before, **_values(before, table))
    for name, allowed in _CHOICES.items():
        if getattr(changed, name) not in allowed:
            raise ConfigError(f"{name} must be {' or '.join(map(str, allowed))}, not {getattr(changed, name)!r}")
    try:
        time.fromisoformat(changed.options_cutoff)
    except ValueError as problem:
        raise ConfigError(f"options_cutoff must be a time like 15:30, not {changed.options_cutoff!r}") from problem
    return changed


def _values(defaults: object, table: Table) -> dict[str, Any]:
    known = {f.name: getattr(defaults, f.name) for f in fields(defaults)}  # type: ignore[arg-type]
    _only(table, set(known))
    return {key: _like(known[key], value, key) for key, value in table.items()}


def _like(default: object, value: object, key: str) -> object:
    if isinstance(default, Decimal) and isinstance(value, str | int | float | Decimal):
        return Decimal(str(value))
    if isinstance(value, type(default)) and isinstance(value, bool) == isinstance(default, bool):
        return value
    raise ConfigError(f"{key} must be a {type(default).__name__}, not {value!r}")


def _only(table: Table, known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ConfigError(f"unknown key {unknown[0]}; known are {', '.join(sorted(known))}")


def _table(table: Table, key: str) -> Table:
    found = table.get(key, {})
    if not isinstance(found, Mapping):
        raise ConfigError(f"{key} must be a table")
    return found


def _tables(table: Table, key: str) -> list[Table]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise ConfigError(f"{key} must be a list of tables")
    return found


def _whole(table: Table, key: str) -> int | None:
    found = table.get(key)
    if found is not None and not isinstance(found, int):
        raise ConfigError(f"{key} must be a whole number")
    return found


def _recording(table: Table, folder: Path) -> Recording:
    given = table.get("replay")
    if given is None:
        return {}
    if not isinstance(given, str):
        raise ConfigError("replay must be the name of a CSV file")
    return replay.read(folder / given)


def _now(given: object) -> int | None:
    if given is None:
        return None
    at = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    if at.tzinfo is None:
        raise ConfigError("now needs a time zone, as in 2026-11-23T10:00:00-05:00")
    if not sessions.FIRST < at.date() < sessions.LAST:
        raise ConfigError(f"now must lie between {sessions.FIRST} and {sessions.LAST}")
    return nanoseconds(at)


def _clock(given: object) -> bool:
    if given not in ("running", "stopped"):
        raise ConfigError(f"clock must be running or stopped, not {given!r}")
    return given == "running"
