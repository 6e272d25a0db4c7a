"""Where the database can make a process stand: a trigger that waits for a lock which the harness holds.

The trigger fires after the row is written and before the statement is committed. While nobody holds the point's lock it
costs a few microseconds; while the harness does, the dispatcher's backend stands there, and pg_locks shows it.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.torture.plan import Point
from sandbox.postgres import Database

SPACE = 7411
"""First key of the advisory locks; the second one is the point's hash."""
NAME = "torture"
"""How the harness calls itself in pg_stat_activity."""

TRIGGERS = f"""
CREATE FUNCTION torture_point(happened text, was text, now_is text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN happened = 'INSERT' THEN '{Point.CLAIM}'
        WHEN happened = 'DELETE' THEN '{Point.GIVE_BACK}'
        WHEN now_is = 'refused' THEN '{Point.REFUSE}'
        WHEN now_is = 'intended' AND was = 'claimed' THEN '{Point.INTEND}'
        WHEN now_is = 'intended' THEN '{Point.AGAIN}'
        WHEN now_is = 'unknown' THEN '{Point.DOUBT}'
        WHEN now_is = 'rejected' THEN '{Point.REJECT}'
        WHEN now_is = 'not_placed' THEN '{Point.NOT_PLACED}'
        WHEN was IN ('intended', 'unknown') THEN '{Point.RECORD}'
        ELSE '{Point.FOLLOW}' END
$$;
CREATE FUNCTION torture_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({SPACE}, hashtext(torture_point(TG_OP, OLD.state, NEW.state)));
    RETURN NULL;
END $$;
CREATE FUNCTION torture_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.epoch <> OLD.epoch THEN
        PERFORM pg_advisory_xact_lock_shared({SPACE}, hashtext('{Point.LEASE}'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER torture AFTER INSERT OR UPDATE OR DELETE ON dispatch_claims
    FOR EACH ROW EXECUTE FUNCTION torture_claim();
CREATE TRIGGER torture AFTER INSERT OR UPDATE ON dispatch_accounts
    FOR EACH ROW EXECUTE FUNCTION torture_lease();
"""

# Who waits at the armed point, and how many recommendations have no ending.
_LOOK = """
SELECT (SELECT min(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = %(space)s
            AND objid::bigint = hashtext(%(point)s)::bigint & 4294967295
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
       (SELECT count(*) FROM dispatch_recommendations r, unnest(%(accounts)s::text[]) AS a (name) WHERE NOT EXISTS (
            SELECT FROM dispatch_claims c
            WHERE c.account = a.name AND c.recommendation_id = r.id
              AND c.state NOT IN ('claimed', 'intended', 'unknown')))
"""
_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


@dataclass(frozen=True, slots=True)
class Look:
    """What the database shows: the backend that stands at the armed point, and how much has no ending."""

    held: int | None
    open: int


class Holds:
    """The harness's own connection. `arm` makes the next process that passes the point stand there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = self._connect()
        self._armed: Point | None = None
        self.accounts: tuple[str, ...] = ()

    def close(self) -> None:
        """Let go of everything."""
        self._connection.close()

    def arm(self, point: Point) -> None:
        """From now on, who passes the point stands there."""
        self.rows("SELECT pg_advisory_lock(%(space)s, hashtext(%(point)s))", **_key(point))
        self._armed = point

    def disarm(self) -> None:
        """Let whoever stands there go on."""
        if self._armed is not None:
            self.rows("SELECT pg_advisory_unlock(%(space)s, hashtext(%(point)s))", **_key(self._armed))
            self._armed = None

    def let_pass(self) -> None:
        """Let whoever stands there go on, and hold the next one."""
        point = self._armed
        self.disarm()
        if point is not None:
            self.arm(point)

    def forget(self) -> None:
        """The server was restarted: every lock is gone, and so is the connection."""
        self._connection.close()
        self._connection = self._connect()
        self._armed = None

    def look(self) -> Look:
        """One look at the database."""
        ((held, left),) = self.rows(_LOOK, accounts=list(self.accounts), **_key(self._armed))
        return Look(held if self._armed is not None else None, left)

    def client_port(self, backend: int) -> int:
        """The port from which a backend's client talks."""
        ((port,),) = self.rows("SELECT client_port FROM pg_stat_activity WHERE pid = %(pid)s", pid=backend)
        return int(port)

    def holders(self) -> list[int]:
        """Process ids of whoever holds an account's lease now, as committed; one for each account that is held."""
        rows = self.rows("SELECT holder FROM dispatch_accounts WHERE expires_at > clock_timestamp() ORDER BY account")
        return [int(holder.rpartition(":")[2]) for (holder,) in rows]

    def unanswered(self, client_order_id: str) -> bool:
        """Whether the books have no answer for an order."""
        asked = "SELECT state NOT IN ('intended', 'unknown') FROM dispatch_claims WHERE client_order_id = %(id)s"
        return not any(answered for (answered,) in self.rows(asked, id=client_order_id))

    def terminate(self, backend: int) -> None:
        """End a backend: what it has not committed is rolled back."""
        self.rows("SELECT pg_terminate_backend(%(pid)s, 5000)", pid=backend)

    def busy(self, backend: int) -> bool:
        """Whether a backend is still at its statement."""
        return bool(self.rows(f"SELECT 1 {_OTHERS} AND pid = %(pid)s AND state <> 'idle'", pid=backend))

    def describe(self, backend: int) -> str:
        """What a backend is at, for whoever reads that it did not come to its end."""
        asked = f"SELECT state, wait_event_type, wait_event, query {_OTHERS} AND pid = %(pid)s"
        return f"{self.rows(asked, pid=backend)}"

    def others(self) -> int:
        """How many other sessions there are: those of the dead linger until they notice."""
        return len(self.rows(f"SELECT 1 {_OTHERS} AND pid <> pg_backend_pid()"))

    def rows(self, statement: str, **parameters: object) -> list[Any]:
        """Run a statement."""
        cursor = self._connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(
            self._database.url,
            password=self._database.password,
            autocommit=True,
            application_name=NAME,
            prepare_threshold=1,
            options="-c plan_cache_mode=force_generic_plan",  # the same few statements, thousands of times
        )


def _key(point: Point | None) -> dict[str, object]:
    return {"space": SPACE, "point": point or ""}
