"""What survives a restart: orders, money, positions, statements, quotes and switches, in SQLite.

Written before a request is answered, so an order that was answered is there after a kill -9.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import orjson

from sandbox.exchange.account import Account, Locate, Watchlist
from sandbox.exchange.activities import Activity
from sandbox.exchange.config import settings
from sandbox.exchange.engine import Exchange
from sandbox.exchange.orders import Intent, Order, OrderClass, OrderType, Role, Side, Status, TimeInForce
from sandbox.exchange.portfolio import Position
from sandbox.exchange.text import plain

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS lines (account TEXT, number INTEGER, data BLOB NOT NULL, PRIMARY KEY (account, number));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, data BLOB NOT NULL);
"""
_VERSION = 2  # of what is packed; raised whenever an older file would miss something
_WORDS = {
    "side": Side,
    "type": OrderType,
    "tif": TimeInForce,
    "order_class": OrderClass,
    "role": Role,
    "status": Status,
    "position_intent": Intent,
}
_NUMBERS = (
    *("qty", "notional", "limit_price", "stop_price", "trail_price", "trail_percent", "hwm"),
    *("ratio_qty", "unit_hold", "unit_shares", "filled_qty", "filled_value", "converted_limit"),
)
Json = dict[str, object]


class Store:
    """The data file of one exchange."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises sqlite3.Error when it is no data file."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            # A power cut may cost the last moments; a killed process costs nothing.
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise
        self._lines: dict[str, int] = {}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def forget(self) -> None:
        """Empty the file."""
        self._db.executescript("DELETE FROM orders; DELETE FROM lines; DELETE FROM facts;")
        self._lines.clear()

    # -- writing ---------------------------------------------------------------------------

    def save(self, exchange: Exchange) -> None:
        """Write what has changed since the last time, as one transaction."""
        orders = [(o.id, o.seq, _packed(o._asdict())) for o in exchange.book.take_changed()]
        lines = [line for number in exchange.statements for line in self._new_lines(exchange, number)]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", orders)
        self._db.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?, ?)", lines)
        self._db.execute("INSERT OR REPLACE INTO facts VALUES ('exchange', ?)", (_packed(_facts(exchange)),))
        self._db.execute("COMMIT")

    def _new_lines(self, exchange: Exchange, account: str) -> list[tuple[str, int, bytes]]:
        known = self._lines.get(account, 0)
        new = exchange.statements[account].since(known)
        self._lines[account] = known + len(new)
        return [(account, known + i, _packed(asdict(line))) for i, line in enumerate(new)]

    # -- reading ---------------------------------------------------------------------------

    def restore(self, exchange: Exchange) -> bool:
        """Give a new exchange what the file knows; false when the file is empty.

        Raises ValueError when another version of the exchange wrote it.
        """
        row = self._db.execute("SELECT data FROM facts WHERE name = 'exchange'").fetchone()
        if row is None:
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
            return False
        if self._db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            raise ValueError("the data file was written by another version of the exchange; --reset begins anew")
        facts = orjson.loads(row[0])
        exchange.clock.set(max(exchange.clock.now(), facts["now"]))
        exchange.change_settings(settings(exchange.settings, facts["settings"]))
        for symbol, asset in facts["assets"].items():
            exchange.listing.change(symbol, asset)
        for symbol, (bid, ask, last) in facts["quotes"].items():
            exchange.market.fix(symbol, Decimal(bid), Decimal(ask), Decimal(last))
        self._restore_lines(exchange)
        for number, saved in facts["accounts"].items():
            if number in exchange.accounts:
                _restore_account(exchange, exchange.accounts[number], saved)
        rows = self._db.execute("SELECT data FROM orders ORDER BY seq")
        exchange.resume([_order(orjson.loads(data)) for (data,) in rows])
        return True

    def _restore_lines(self, exchange: Exchange) -> None:
        rows = self._db.execute("SELECT account, data FROM lines ORDER BY account, number")
        for account, data in rows:
            if account in exchange.statements:
                exchange.statements[account].add(Activity(**orjson.loads(data)))
                self._lines[account] = self._lines.get(account, 0) + 1


def _packed(value: object) -> bytes:
    return orjson.dumps(value, default=_text)


def _text(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _facts(exchange: Exchange) -> Json:
    return {
        "now": exchange.clock.now(),
        "settings": asdict(exchange.settings),
        "quotes": exchange.market.fixed(),
        "assets": exchange.listing.changed(),
        "accounts": {number: _account(exchange, a) for number, a in exchange.accounts.items()},
    }


def _account(exchange: Exchange, account: Account) -> Json:
    return {
        "cash": account.cash,
        "multiplier": account.multiplier,
        "last_equity": account.last_equity,
        "suspended": account.suspended,
        "configurations": account.configurations,
        "kept_from_exercise": exchange.kept_from_exercise[account.number],
        "positions": [asdict(p) for p in account.positions.values()],
        "watchlists": [asdict(w) for w in account.watchlists.values()],
        "locates": [asdict(x) for x in account.locates.values()],
    }


def _restore_account(exchange: Exchange, account: Account, saved: Mapping[str, object]) -> None:
    for name in ("cash", "multiplier", "last_equity"):
        setattr(account, name, Decimal(str(saved[name])))
    account.suspended = bool(saved["suspended"])
    configurations, kept, positions = (saved[n] for n in ("configurations", "kept_from_exercise", "positions"))
    if isinstance(configurations, dict):
        account.configurations = configurations
    if isinstance(kept, list):
        exchange.kept_from_exercise[account.number] = set(kept)
    if isinstance(positions, list):
        account.hold_instead({p["symbol"]: _position(p) for p in positions})
    lists, found = saved["watchlists"], saved["locates"]
    if isinstance(lists, list):
        account.watchlists = {w["id"]: Watchlist(**{**w, "symbols": tuple(w["symbols"])}) for w in lists}
    if isinstance(found, list):
        account.locates = {x["id"]: _locate(x) for x in found}
    exchange.options.keep_back(account)


def _locate(saved: Json) -> Locate:
    asked = saved["asked"]
    if not isinstance(asked, list):
        raise TypeError("a locate was kept without what was asked for")
    return Locate(**{**saved, "asked": tuple(asked), "price": Decimal(str(saved["price"]))})  # type: ignore[arg-type]


def _position(saved: Json) -> Position:
    numbers = {name: Decimal(str(saved[name])) for name in ("qty", "cost")}
    return Position(**{**saved, **numbers})  # type: ignore[arg-type]


def _order(saved: Json) -> Order:
    for name, word in _WORDS.items():
        if saved[name] is not None:
            saved[name] = word(str(saved[name]))
    for name in _NUMBERS:
        if saved[name] is not None:
            saved[name] = Decimal(str(saved[name]))
    legs = saved["legs"]
    saved["legs"] = tuple(legs) if isinstance(legs, list) else ()
    return Order(**saved)  # type: ignore[arg-type]
