"""A dispatcher as it is written first, for the torture to find out: every mistake the real one is built against.

It makes up an order id at each try, so asking twice is two orders. Even recommendations are marked as taken before
they are sent, odd ones after; it never looks an order up, and an error of the broker becomes an execution that never
happened. Two of them trade side by side.
"""

import json
import os
import signal
import time
import uuid
from collections.abc import Mapping
from typing import Any

import psycopg
import requests
from psycopg.rows import dict_row

ACCOUNT = "large"
ACCEPTED = 200
_LEASE = """
INSERT INTO dispatch_accounts (account, holder, epoch, expires_at, considers_after)
VALUES (%(account)s, %(holder)s, 1, now() + interval '1 hour', 0)
ON CONFLICT (account) DO UPDATE SET holder = excluded.holder, epoch = dispatch_accounts.epoch + 1
"""
_NEXT = """
SELECT * FROM dispatch_recommendations r
WHERE NOT EXISTS (SELECT FROM dispatch_claims c WHERE c.recommendation_id = r.id) ORDER BY id LIMIT 1
"""
_CLAIM = """
INSERT INTO dispatch_claims (recommendation_id, account, state, epoch, recommended_at, claimed_at, since, reason)
VALUES (%(id)s, %(account)s, %(state)s, 1, %(created_at)s, now(), now(), 'none') ON CONFLICT DO NOTHING
"""
_RECORD = """
WITH done AS (
    UPDATE dispatch_claims
    SET state = 'accepted', client_order_id = %(own)s, payload_hash = '', broker_order_id = %(theirs)s
    WHERE recommendation_id = %(id)s
)
INSERT INTO dispatch_executions (execution_id, recommendation_id, ticker, action, decision_ts, simulated_ts,
    entry_price,
    fill_model, qty, notional, execution_mode, account_name, broker_order_id)
VALUES (gen_random_uuid(), %(id)s, %(ticker)s, %(action)s, now(), now(), 1, 'NONE', 1, 1, 'ALPACA_PAPER', %(account)s,
    %(theirs)s)
"""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Trade until SIGTERM."""
    del arguments
    told_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told_to_stop.append(number))
    secret = json.loads(environ["ALPACA_SECRET_LARGE"])
    session = requests.Session()
    session.headers.update({"APCA-API-KEY-ID": secret["api_key"], "APCA-API-SECRET-KEY": secret["api_secret"]})
    connection = psycopg.connect(
        environ["DATABASE_URL"], password=environ["DATABASE_PASSWORD"], autocommit=True, row_factory=dict_row
    )
    connection.execute(_LEASE, {"account": ACCOUNT, "holder": f"here:{os.getpid()}"})
    while not told_to_stop:
        row = connection.execute(_NEXT).fetchone()
        if row is None:
            time.sleep(0.02)
        else:
            _trade(connection, session, environ["ALPACA_BASE_URL"], row | {"account": ACCOUNT})
    return 0


def _trade(connection: Any, session: requests.Session, url: str, row: dict[str, Any]) -> None:
    plan = row["reason"]["plan"]
    if row["ticker"] is None or row["action"] != "BUY" or isinstance(plan["stop_loss"], str):
        connection.execute(_CLAIM, row | {"state": "refused"})
        return
    before = row["id"] % 2 == 0
    if before:
        connection.execute(_CLAIM, row | {"state": "claimed"})
    own = str(uuid.uuid4())
    theirs = _order(session, url, row["ticker"], plan, own)
    if not before:
        connection.execute(_CLAIM, row | {"state": "claimed"})
    connection.execute(_RECORD, row | {"own": own, "theirs": theirs})


def _order(session: requests.Session, url: str, symbol: str, plan: dict[str, Any], own: str) -> str:
    """The broker's order id; on any error, an execution is simulated."""
    body = {
        "client_order_id": own,
        "symbol": symbol,
        "side": "buy",
        "type": "limit",
        "time_in_force": "gtc",
        "order_class": "bracket",
        "qty": str(plan["quantity"]),
        "limit_price": str(plan["entry"]),
        "take_profit": {"limit_price": str(plan["take_profit"])},
        "stop_loss": {"stop_price": str(plan["stop_loss"])},
    }
    try:
        answer = session.post(f"{url}/v2/orders", json=body, timeout=5)
        return str(answer.json()["id"]) if answer.status_code == ACCEPTED else f"simulated-{own}"
    except requests.RequestException:
        return f"simulated-{own}"
