"""The days of volatility in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters.database import execute, translated
from dispatcher.core.recommendation import SYMBOL
from dispatcher.option_ports import Source, VolatilityDay

UNDERLYINGS = """
SELECT underlying FROM volatility_days
UNION SELECT ticker FROM dispatch_recommendations WHERE created_at >= %(since)s AND ticker IS NOT NULL
"""
RECORDED = "SELECT underlying FROM volatility_days WHERE day = %(day)s AND source = 'snapshot'"
INSERT = """
INSERT INTO volatility_days (underlying, day, iv, spot, near_days, near_iv, far_days, far_iv, modelled, source,
    taken_at)
VALUES (%(underlying)s, %(day)s, %(iv)s, %(spot)s, %(near_days)s, %(near_iv)s, %(far_days)s, %(far_iv)s,
    %(modelled)s, %(source)s, %(at)s)
"""
RECORD = f"""{INSERT}
ON CONFLICT (underlying, day) DO UPDATE
SET iv = excluded.iv, spot = excluded.spot, near_days = excluded.near_days, near_iv = excluded.near_iv,
    far_days = excluded.far_days, far_iv = excluded.far_iv, modelled = excluded.modelled, source = excluded.source,
    taken_at = excluded.taken_at
RETURNING 1
"""
BACKFILL = f"{INSERT} ON CONFLICT (underlying, day) DO NOTHING RETURNING 1"
SERIES = """
SELECT day, iv FROM volatility_days
WHERE underlying = %(underlying)s AND day BETWEEN %(first)s AND %(last)s ORDER BY day
"""


class PostgresVolatility:
    """See option_ports.VolatilityStore."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def underlyings(self, recommended_since: datetime) -> frozenset[str]:
        """See option_ports.VolatilityStore. Upstream may have written anything as a ticker."""
        found = (row["underlying"] for row in self._run(UNDERLYINGS, since=recommended_since))
        return frozenset(each for each in found if SYMBOL.fullmatch(each))

    def recorded(self, day: date) -> frozenset[str]:
        """See option_ports.VolatilityStore."""
        return frozenset(row["underlying"] for row in self._run(RECORDED, day=day))

    def record(self, found: VolatilityDay, at: datetime) -> None:
        """See option_ports.VolatilityStore."""
        self._run(RECORD, source=Source.SNAPSHOT, at=at, **asdict(found))

    def backfill(self, days: Sequence[VolatilityDay], source: Source, at: datetime) -> int:
        """See option_ports.VolatilityStore."""
        with translated(), self._connection.transaction():
            return sum(len(self._run(BACKFILL, source=source, at=at, **asdict(each))) for each in days)

    def series(self, underlying: str, first: date, last: date) -> tuple[tuple[date, Decimal], ...]:
        """See option_ports.VolatilityStore."""
        rows = self._run(SERIES, underlying=underlying, first=first, last=last)
        return tuple((row["day"], row["iv"]) for row in rows)

    def _run(self, statement: str, **parameters: Any) -> list[DictRow]:
        return execute(self._connection, statement, parameters)
