"""Every SQL statement of the position manager, named. `lease` is the key of its lease, `account` what it manages.

`FENCE` goes before whatever changes a book or commits an order: it holds the lease's row against a takeover until the
transaction ends, and finds nothing when the lease is not ours any more.
"""

FENCE = """
SELECT epoch FROM dispatch_accounts
WHERE account = %(lease)s AND epoch = %(epoch)s AND expires_at > clock_timestamp()
FOR SHARE
"""

BEGAN = """
INSERT INTO position_accounts (account, began_at) VALUES (%(account)s, %(at)s)
ON CONFLICT (account) DO UPDATE SET account = excluded.account
RETURNING began_at
"""
LATEST_FILL = """
SELECT at, id FROM position_movements WHERE account = %(account)s AND kind = 'FILL' ORDER BY at DESC, id DESC LIMIT 1
"""
ENTER = """
INSERT INTO position_movements (account, id, kind, symbol, quantity, price, amount, at, order_id)
VALUES (%(account)s, %(id)s, %(kind)s, %(symbol)s, %(quantity)s, %(price)s, %(amount)s, %(at)s, %(order_id)s)
ON CONFLICT DO NOTHING
"""
INCOMING = """
SELECT id, kind, symbol, quantity, price, amount, at, order_id FROM position_movements
WHERE account = %(account)s AND position_id IS NULL AND NOT set_aside
ORDER BY at, id
"""
# Live positions, and closed ones whose end the statement has yet to explain.
BOOKS = """
SELECT p.* FROM positions p
WHERE p.account = %(account)s AND (p.stage <> 'closed' OR p.id IN (
    SELECT position_id FROM position_movements WHERE account = %(account)s AND kind = 'ADJUST'))
ORDER BY p.opened_at, p.id
"""
MOVEMENTS = """
SELECT position_id, id, kind, symbol, quantity, price, amount, at, order_id FROM position_movements
WHERE account = %(account)s AND position_id = ANY (%(positions)s)
ORDER BY position_id, place
"""
COLUMNS = (
    "stage, version, quantity, average_price, realized, cost, fees, complete, opened_at, closed_at, stop_loss,"
    " take_profit, plan_source, peak, exit_reason, exit_observed, exit_threshold, exit_at, unprotected_since,"
    " unprotected_seconds"
)
_VALUES = ", ".join(f"%({name.strip()})s" for name in COLUMNS.split(","))
OPEN = f"""
INSERT INTO positions (account, symbol, {COLUMNS}) VALUES (%(account)s, %(symbol)s, {_VALUES})
RETURNING id
"""  # noqa: S608  constants joined; values are bound
CHANGE = f"""
UPDATE positions SET ({COLUMNS}) = ({_VALUES})
WHERE account = %(account)s AND id = %(id)s AND version = %(version)s - 1
RETURNING id
"""  # noqa: S608  constants joined; values are bound
FORGET_ADJUSTMENTS = """
DELETE FROM position_movements WHERE account = %(account)s AND position_id = %(id)s AND kind = 'ADJUST'
"""
PLACE = """
INSERT INTO position_movements (account, id, kind, symbol, quantity, price, amount, at, order_id, position_id, place)
VALUES (%(account)s, %(id)s, %(kind)s, %(symbol)s, %(quantity)s, %(price)s, %(amount)s, %(at)s, %(order_id)s,
        %(position_id)s, %(place)s)
ON CONFLICT (account, id) DO UPDATE SET position_id = excluded.position_id, place = excluded.place
"""
SET_ASIDE = """
UPDATE position_movements SET set_aside = true WHERE account = %(account)s AND id = ANY (%(ids)s)
"""
# The entry's own body has the prices it was protected with. An entry without an answer yet may be the one that filled.
PLAN = """
SELECT payload FROM dispatch_claims
WHERE account = %(account)s AND symbol = %(symbol)s AND payload IS NOT NULL AND payload ->> 'order_class' = 'bracket'
  AND payload ->> 'side' = %(side)s
  AND (broker_order_id = ANY (%(orders)s) OR state IN ('intended', 'unknown')
       OR (%(adopted)s AND (filled_qty > 0 OR state IN ('accepted', 'partly_filled'))))
ORDER BY intended_at DESC LIMIT 1
"""

INTEND = """
INSERT INTO position_orders (client_order_id, account, position_id, symbol, purpose, sequence, state, payload,
    payload_hash, intended_at, since)
VALUES (%(client_order_id)s, %(account)s, %(position)s, %(symbol)s, %(purpose)s, %(sequence)s, 'intended', %(payload)s,
    %(payload_hash)s, %(at)s, %(at)s)
"""
MOVE = """
UPDATE position_orders
SET state = %(state)s, since = CASE WHEN state = %(state)s THEN since ELSE %(at)s END,
    broker_order_id = coalesce(%(broker_order_id)s, broker_order_id), detail = %(detail)s
WHERE account = %(account)s AND client_order_id = %(client_order_id)s AND state = ANY (%(was)s)
RETURNING 1
"""
ORDERS = """
SELECT client_order_id, position_id, symbol, purpose, sequence, state, payload, intended_at, since, broker_order_id
FROM position_orders
WHERE account = %(account)s AND state IN ('intended', 'unknown', 'accepted', 'partly_filled')
ORDER BY intended_at, client_order_id
"""
ATTEMPTS = """
SELECT sequence, state, since FROM position_orders
WHERE account = %(account)s AND position_id = %(position)s AND purpose = %(purpose)s
ORDER BY sequence DESC LIMIT 1
"""
REALIZED_SINCE = """
SELECT coalesce(sum(realized - fees), 0) AS realized FROM positions
WHERE account = %(account)s AND stage = 'closed' AND closed_at >= %(since)s
"""
TELL = "SELECT pg_notify('dispatch_fills', %(account)s)"
