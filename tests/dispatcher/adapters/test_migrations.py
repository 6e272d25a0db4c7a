"""The schema from nothing, from the original's tables, twice, and by two at once. Nothing of upstream's is touched."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from dispatcher.adapters import migrations, schema
from dispatcher.adapters.database import connect
from dispatcher.ports import DatabaseUnavailableError
from dispatcher.shell.check import COLUMNS, one_execution_per_account
from sandbox.postgres import Database, Postgres
from tests.dispatcher.books import Books, accepting, intended

pytestmark = pytest.mark.world

ORIGINAL = """
CREATE TABLE dispatch_recommendations (
    id bigserial PRIMARY KEY, ts timestamptz NOT NULL DEFAULT now(), created_at timestamptz NOT NULL DEFAULT now(),
    ticker text NOT NULL, action text NOT NULL CHECK (action IN ('BUY', 'SELL')), instrument_type text NOT NULL,
    strategy_type text CHECK (strategy_type IN ('day_trade', 'swing_trade', 'conservative')),
    confidence numeric(5, 4) CHECK (confidence BETWEEN 0 AND 1), reason jsonb, features_snapshot jsonb,
    sentiment_snapshot jsonb, status text NOT NULL DEFAULT 'PENDING', processed_at timestamptz, dispatcher_run_id uuid,
    failure_reason text, risk_gate_json jsonb, executed_at timestamptz, filled_price numeric, shares numeric);
CREATE TABLE dispatch_executions (
    execution_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    recommendation_id bigint NOT NULL REFERENCES dispatch_recommendations (id), dispatcher_run_id uuid,
    ticker text NOT NULL, action text NOT NULL, decision_ts timestamptz NOT NULL, simulated_ts timestamptz NOT NULL,
    entry_price numeric(18, 8) NOT NULL, fill_model text NOT NULL, slippage_bps integer, qty numeric NOT NULL,
    notional numeric NOT NULL, stop_loss_price numeric(18, 8), take_profit_price numeric(18, 8),
    max_hold_minutes integer, execution_mode text NOT NULL, account_name text NOT NULL DEFAULT 'large-default',
    explain_json jsonb, risk_json jsonb, sim_json jsonb, instrument_type text NOT NULL DEFAULT 'STOCK',
    strike_price numeric, expiration_date date, contracts integer, premium_paid numeric, delta numeric, theta numeric,
    implied_volatility numeric, option_symbol text, strategy_type text, features_snapshot jsonb, side text, status text,
    broker_order_id text, stop_order_id text, target_order_id text, executed_at timestamptz, filled_qty numeric,
    CONSTRAINT check_options_metadata CHECK (
        instrument_type = 'STOCK' OR (strike_price IS NOT NULL AND expiration_date IS NOT NULL)));
CREATE UNIQUE INDEX dispatch_executions_once ON dispatch_executions (recommendation_id, account_name);
INSERT INTO dispatch_recommendations (created_at, ticker, action, instrument_type, status)
SELECT '2026-02-03 17:25Z', 'ADBE', 'BUY', 'PUT', 'EXECUTED' FROM generate_series(1, 50);
INSERT INTO dispatch_executions (recommendation_id, ticker, action, decision_ts, simulated_ts, entry_price, fill_model,
    qty, notional, execution_mode)
SELECT id, ticker, action, ts, ts, 11.75, 'close+slip', 1, 1175, 'ALPACA_PAPER' FROM dispatch_recommendations;
"""
EVERYTHING = """
SELECT 'r' AS of, ctid::text, xmin::text, to_jsonb(t) AS row FROM dispatch_recommendations t
UNION ALL SELECT 'e', ctid::text, xmin::text, to_jsonb(t) FROM dispatch_executions t ORDER BY 1, 2
"""


def run(database: Database, *statements: str) -> list[Any]:
    with database.connect() as connection:
        found: list[Any] = []
        for statement in statements:
            cursor = connection.execute(statement.encode())
            found = cursor.fetchall() if cursor.description else []
        return found


def upgrade(database: Database) -> tuple[str | None, str | None]:
    return migrations.upgrade(database.url, database.password)


@pytest.fixture
def original(database: Database) -> Iterator[Books]:
    """Books on the original system's two tables, with rows in them and without our schema."""
    run(database, ORIGINAL)
    books = Books(database, [])
    yield books
    books.close()


def test_an_empty_database_is_brought_to_the_head_and_has_every_column_used(database: Database) -> None:
    moved = upgrade(database)

    connection = connect(database.url, database.password, name="test")
    columns = {table: schema.columns(connection, table) for table in COLUMNS}
    revision = schema.revision(connection)
    connection.close()
    assert (moved, revision) == ((None, migrations.head()), migrations.head())
    assert {table: used - columns[table] for table, used in COLUMNS.items()} == {
        table: frozenset() for table in COLUMNS
    }


def test_asking_twice_changes_nothing(database: Database) -> None:
    upgrade(database)

    assert upgrade(database) == (migrations.head(), migrations.head())


def test_two_that_migrate_at_once_do_it_once(database: Database) -> None:
    moved: list[tuple[str | None, str | None]] = []
    threads = [Thread(target=lambda: moved.append(upgrade(database))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(moved, key=str) == [(migrations.head(), migrations.head()), (None, migrations.head())]


def test_the_originals_rows_are_neither_lost_nor_rewritten(original: Books) -> None:
    before = run(original.database, EVERYTHING)

    upgrade(original.database)

    assert len(before) == 100
    assert run(original.database, EVERYTHING) == before


def test_on_the_originals_tables_an_order_is_booked_from_claim_to_execution(original: Books) -> None:
    upgrade(original.database)
    number = original.recommend()

    ledger = original.ledger()
    claim, meant = intended(ledger)
    accepting("new")(ledger, claim, meant)

    rows = original.rows("SELECT status, account_name FROM dispatch_executions WHERE recommendation_id = %s", number)
    assert (claim.recommendation_id, rows) == (number, [{"status": "ACCEPTED", "account_name": "large"}])


def test_on_the_originals_tables_who_waits_is_woken(original: Books) -> None:
    upgrade(original.database)
    ledger = original.ledger()
    original.recommend()

    assert ledger.wait(5)


ONCE_A_RECOMMENDATION = (
    "DROP INDEX dispatch_executions_once",
    "CREATE UNIQUE INDEX dispatch_executions_once ON dispatch_executions (recommendation_id)",
)


def booked(books: Books, account: str) -> None:
    ledger = books.ledger(account=account)
    claim, meant = intended(ledger)
    accepting("new")(ledger, claim, meant)


def test_an_execution_table_from_before_the_second_account_is_given_its_key(original: Books) -> None:
    run(original.database, *ONCE_A_RECOMMENDATION)
    upgrade(original.database)
    number = original.recommend()

    booked(original, "large")

    rows = original.rows("SELECT account_name FROM dispatch_executions WHERE recommendation_id = %s", number)
    assert rows == [{"account_name": "large"}]


def test_a_key_that_keeps_a_second_account_out_is_seen(original: Books) -> None:
    run(original.database, *ONCE_A_RECOMMENDATION)
    upgrade(original.database)

    unique = schema.unique_columns(original.connect(), "dispatch_executions")

    assert [each.subject for each in one_execution_per_account(unique)] == ["dispatch_executions"]


def test_the_key_with_the_account_in_it_is_no_finding(original: Books) -> None:
    upgrade(original.database)

    assert one_execution_per_account(schema.unique_columns(original.connect(), "dispatch_executions")) == []


def test_a_database_that_cannot_be_reached_is_told_as_such() -> None:
    with pytest.raises(DatabaseUnavailableError):
        migrations.upgrade("postgresql://dispatcher@127.0.0.1:1/nothing", "secret")


def test_where_the_input_is_another_s_and_has_no_trigger_it_is_read_all_the_same(
    postgres: Postgres, database: Database
) -> None:
    administrator = Database(database.url.replace("dispatcher@", "postgres@"), postgres.passwords.superuser)
    only_the_input = ORIGINAL.partition("CREATE TABLE dispatch_executions")[0]
    run(administrator, only_the_input, "GRANT SELECT ON dispatch_recommendations TO dispatcher")
    upgrade(database)
    run(
        administrator,
        "INSERT INTO dispatch_recommendations (ticker, action, instrument_type) VALUES ('T', 'BUY', 'STOCK')",
    )
    books = Books(database, [])

    claim, _ = intended(books.ledger())
    books.close()

    assert claim.row["ticker"] == "T"
