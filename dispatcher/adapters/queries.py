"""Every SQL statement of the dispatcher, named. Each is one transaction by itself.

`FENCE` goes before each statement that leads to an order: it holds the account's row against a takeover until the
statement commits, and is empty when the lease is not ours any more.
"""

FENCE = """
WITH fence AS (
    SELECT epoch FROM dispatch_accounts
    WHERE account = %(account)s AND epoch = %(epoch)s AND expires_at > clock_timestamp()
    FOR SHARE
)
"""

# A time that no datetime can hold is as good as none, and is refused by the reader.
CREATED_AT = "CASE WHEN created_at BETWEEN '1970-01-01' AND '9999-01-01' THEN created_at END AS created_at"
RECOMMENDATION = (
    f"id, {CREATED_AT}, ticker, action, instrument_type, strategy_type, confidence, reason, features_snapshot"
)
# The newest and strongest that this account has not considered, each with our entries in its symbol: what was surely
# never at the broker does not count as one. The newest are found along the key, whatever the planner believes of the
# table, and their order is made among them. A claim that is lost with the server is made again,
# and an intent's commit brings it to disk, so nobody waits for the disk here.
# OFFSET 0 keeps "no claim" a look-up for each row: as a join, the planner hashes the whole history for one row.
AMONG_NEWEST = 200
CLAIM = f"""
{FENCE}
, newest AS (
    SELECT r.* FROM dispatch_recommendations r -- of which only RECOMMENDATION is read: the rest may be anything
    WHERE r.id > (SELECT coalesce(considered_to, considers_after) FROM dispatch_accounts WHERE account = %(account)s)
      AND NOT EXISTS (
          SELECT FROM dispatch_claims c WHERE c.account = %(account)s AND c.recommendation_id = r.id OFFSET 0)
      AND r.id <> ALL (%(skip)s)
    ORDER BY r.id DESC
    LIMIT {AMONG_NEWEST}
), candidate AS (
    SELECT * FROM newest ORDER BY created_at DESC, confidence DESC NULLS LAST, id LIMIT %(most)s
), claimed AS (
    INSERT INTO dispatch_claims (recommendation_id, account, state, epoch, recommended_at, claimed_at, since, symbol)
    SELECT id, %(account)s, 'claimed', fence.epoch, created_at, %(at)s, %(at)s, left(ticker, 32) FROM candidate, fence
    ON CONFLICT DO NOTHING
    RETURNING recommendation_id
)
SELECT set_config('synchronous_commit', 'off', true) AS lazy, (SELECT epoch FROM fence) AS fence, {RECOMMENDATION},
    history.orders, history.last
FROM (SELECT 1) AS always
LEFT JOIN candidate ON candidate.id IN (SELECT recommendation_id FROM claimed)
LEFT JOIN LATERAL (
    SELECT count(*) AS orders, max(intended_at) AS last FROM (
        SELECT c.intended_at FROM dispatch_claims c
        WHERE c.account = %(account)s AND c.symbol = left(candidate.ticker, 32) AND c.intended_at >= %(since)s
          AND c.state NOT IN ('not_placed', 'rejected')
        ORDER BY c.intended_at OFFSET 0) AS entries
) AS history ON true
ORDER BY candidate.created_at DESC, candidate.confidence DESC NULLS LAST, candidate.id
"""  # noqa: S608  constants joined; values are bound
# By the broker's clock, which is upstream's too; until this was decided nothing is claimed.
CONSIDER_FROM = """
UPDATE dispatch_accounts
SET considers_after = coalesce(
    (SELECT max(id) FROM dispatch_recommendations WHERE created_at < %(at)s::timestamptz - interval '1 day'), 0)
WHERE account = %(account)s AND considers_after IS NULL
RETURNING 1
"""
# Without a claim, or with one that may be given back.
NOT_CONSIDERED = """
NOT EXISTS (
    SELECT FROM dispatch_claims c WHERE c.account = a.account AND c.recommendation_id = r.id AND c.state <> 'claimed'
    OFFSET 0)
"""
# `considered_to` moves to the mark once nothing that was under way when it was made is, and then a new mark is made.
ADVANCE = f"""
UPDATE dispatch_accounts a
SET considered_to = greatest(coalesce(a.considered_to, a.considers_after), CASE WHEN a.marked_id IS NOT NULL THEN
        least(a.marked_id, (
            SELECT r.id - 1 FROM dispatch_recommendations r
            WHERE r.id > coalesce(a.considered_to, a.considers_after) AND {NOT_CONSIDERED} ORDER BY r.id LIMIT 1))
    END),
    marked_id = (SELECT max(id) FROM dispatch_recommendations), marked_xid = pg_snapshot_xmax(pg_current_snapshot())
WHERE a.account = %(account)s AND a.epoch = %(epoch)s AND a.considers_after IS NOT NULL
  AND coalesce(a.marked_xid <= pg_snapshot_xmin(pg_current_snapshot()), true)
RETURNING 1
"""  # noqa: S608  constants joined; values are bound
# What has come in below `considered_to` all the same (an id that was drawn long before it was written, or chosen by
# hand) brings it back. What is more than a day old is history, and is not looked for.
SWEEP = f"""
WITH found AS (
    SELECT a.account, coalesce(a.considered_to, a.considers_after) AS reached, (
        SELECT r.id - 1 FROM dispatch_recommendations r
        WHERE r.id > a.considers_after AND r.id <= coalesce(a.considered_to, a.considers_after)
          AND r.created_at >= %(at)s::timestamptz - interval '1 day' AND {NOT_CONSIDERED}
        ORDER BY r.id LIMIT 1
    ) AS before_missed, (
        SELECT r.id FROM dispatch_recommendations r
        WHERE r.id > a.considers_after AND r.id <= coalesce(a.considered_to, a.considers_after)
          AND r.created_at < %(at)s::timestamptz - interval '1 day'
        ORDER BY r.id DESC LIMIT 1
    ) AS history
    FROM dispatch_accounts a WHERE a.account = %(account)s AND a.epoch = %(epoch)s
)
UPDATE dispatch_accounts a
SET considered_to = coalesce(found.before_missed, found.reached),
    considers_after = least(greatest(a.considers_after, found.history), coalesce(found.before_missed, found.reached))
FROM found WHERE a.account = found.account
RETURNING 1
"""  # noqa: S608  constants joined; values are bound
RELEASE_CLAIMED = "DELETE FROM dispatch_claims WHERE account = %(account)s AND state = 'claimed' RETURNING 1"
UNCLAIM = """
DELETE FROM dispatch_claims
WHERE account = %(account)s AND recommendation_id = ANY (%(ids)s) AND state = 'claimed' AND epoch = %(epoch)s
RETURNING 1
"""
REFUSE = f"""
{FENCE}
UPDATE dispatch_claims
SET state = 'refused', since = %(at)s, reason = %(reason)s, detail = %(detail)s, observed = %(observed)s,
    threshold = %(threshold)s, checks = %(checks)s, rationale = %(rationale)s
WHERE account = %(account)s AND recommendation_id = %(id)s AND state = 'claimed' AND EXISTS (SELECT FROM fence)
RETURNING 1
"""  # noqa: S608  two constants joined; values are bound
# Each by its key and locked in their order, whatever the planner believes of the table; then updated where they
# stand. All of them or none: what is not committed whole is not sent.
INTEND = f"""
{FENCE}
, meant AS (
    SELECT * FROM jsonb_to_recordset(%(meant)s) AS m (id bigint, client_order_id text, payload jsonb, payload_hash text,
        cost numeric, checks jsonb, rationale jsonb, repricing jsonb)
    ORDER BY id
), ours AS (
    SELECT meant.*, held.ctid AS place FROM meant CROSS JOIN LATERAL (
        SELECT c.ctid FROM dispatch_claims c
        WHERE c.account = %(account)s AND c.recommendation_id = meant.id AND c.state = 'claimed'
          AND EXISTS (SELECT FROM fence)
        FOR UPDATE
    ) AS held
)
UPDATE dispatch_claims c
SET state = 'intended', intended_at = %(at)s, since = %(at)s, priced_at = %(at)s,
    client_order_id = ours.client_order_id, payload = ours.payload, payload_hash = ours.payload_hash,
    cost = ours.cost, checks = ours.checks, rationale = ours.rationale, repricing = ours.repricing
FROM ours
WHERE c.ctid = ours.place AND (SELECT count(*) FROM ours) = (SELECT count(*) FROM meant)
RETURNING 1
"""  # noqa: S608  two constants joined; values are bound
INTEND_AGAIN = f"""
{FENCE}
UPDATE dispatch_claims SET state = 'intended', since = %(at)s
WHERE account = %(account)s AND recommendation_id = %(id)s AND state IN ('intended', 'unknown')
  AND EXISTS (SELECT FROM fence)
RETURNING 1
"""  # noqa: S608  two constants joined; values are bound
# Fenced like an intent: the id and the limit of a replacement are written down before it is asked for.
REPRICE = f"""
{FENCE}
UPDATE dispatch_claims SET replacement = %(payload)s, priced_at = %(at)s
WHERE account = %(account)s AND recommendation_id = %(id)s AND state IN ('accepted', 'partly_filled')
  AND EXISTS (SELECT FROM fence)
RETURNING 1
"""  # noqa: S608  two constants joined; values are bound
REJECT = """
UPDATE dispatch_claims
SET state = 'rejected', since = %(at)s, reason = %(message)s, http_status = %(http_status)s, code = %(code)s,
    extra = %(extra)s
WHERE account = %(account)s AND recommendation_id = %(id)s AND state IN ('intended', 'unknown')
RETURNING 1
"""
DOUBT = """
UPDATE dispatch_claims
SET since = CASE WHEN state = 'unknown' THEN since ELSE %(at)s END, state = 'unknown', detail = %(why)s
WHERE account = %(account)s AND recommendation_id = %(id)s AND state IN ('intended', 'unknown')
RETURNING 1
"""
# Fenced like an intent: a holder that was replaced must not end what its successor may be sending.
NOT_PLACED = f"""
{FENCE}
UPDATE dispatch_claims SET state = 'not_placed', since = %(at)s, reason = %(reason)s, detail = %(detail)s
WHERE account = %(account)s AND recommendation_id = %(id)s AND state IN ('intended', 'unknown')
  AND EXISTS (SELECT FROM fence)
RETURNING 1
"""  # noqa: S608  two constants joined; values are bound
# The claims move and the executions are written together, or none is.
CONCLUDE = """
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(told)s) AS t (id bigint, was text[], state text, broker_order_id text,
        client_order_id text, payload jsonb, payload_hash text, repricing jsonb, filled_qty numeric,
        filled_avg_price numeric, side text, mode text, status text, qty numeric, "limit" numeric, instrument text,
        notional numeric, stop_loss numeric, take_profit numeric, option_symbol text, strike numeric, expires date,
        contracts integer)
    ORDER BY id
), ours AS (
    SELECT told.*, held.ctid AS place FROM told CROSS JOIN LATERAL (
        SELECT c.ctid FROM dispatch_claims c
        WHERE c.account = %(account)s AND c.recommendation_id = told.id AND c.state = ANY (told.was)
        FOR UPDATE
    ) AS held
), moved AS (
    UPDATE dispatch_claims c
    SET state = ours.state, since = %(at)s, broker_order_id = ours.broker_order_id, filled_qty = ours.filled_qty,
        client_order_id = ours.client_order_id, payload = ours.payload, payload_hash = ours.payload_hash,
        repricing = coalesce(ours.repricing, c.repricing), filled_avg_price = ours.filled_avg_price,
        execution_id = coalesce(c.execution_id, gen_random_uuid()), detail = NULL,
        reason = CASE WHEN ours.state = 'rejected' THEN 'rejected by the broker after it was taken' END
    FROM ours
    WHERE c.ctid = ours.place AND (SELECT count(*) FROM ours) = (SELECT count(*) FROM told)
    RETURNING c.*
)
INSERT INTO dispatch_executions AS e (execution_id, recommendation_id, ticker, action, decision_ts, simulated_ts,
    entry_price, fill_model, qty, notional, stop_loss_price, take_profit_price, execution_mode, account_name,
    explain_json, risk_json, instrument_type, option_symbol, strike_price, expiration_date, contracts, premium_paid,
    delta, theta, implied_volatility, side, status, broker_order_id, executed_at, filled_qty, strategy_type)
SELECT moved.execution_id, moved.recommendation_id, moved.symbol, upper(told.side), moved.intended_at, %(at)s,
    coalesce(told.filled_avg_price, told."limit"), told.mode, told.qty, told.notional, told.stop_loss,
    told.take_profit, told.mode, moved.account,
    jsonb_strip_nulls(jsonb_build_object('client_order_id', moved.client_order_id,
    'trade', moved.rationale -> 'trade', 'size', moved.rationale -> 'size', 'rank', moved.rationale -> 'rank')),
    moved.checks, told.instrument, told.option_symbol, told.strike, told.expires, told.contracts,
    CASE WHEN told.option_symbol IS NOT NULL THEN told.filled_avg_price END,
    (moved.rationale -> 'trade' ->> 'delta')::numeric, (moved.rationale -> 'trade' ->> 'theta')::numeric,
    (moved.rationale -> 'trade' ->> 'iv')::numeric,
    told.side, told.status, told.broker_order_id, CASE WHEN told.filled_qty > 0 THEN %(at)s::timestamptz END,
    told.filled_qty,
    (SELECT r.strategy_type FROM dispatch_recommendations r WHERE r.id = moved.recommendation_id)
FROM moved JOIN told ON told.id = moved.recommendation_id
ON CONFLICT (recommendation_id, account_name) DO UPDATE
SET entry_price = excluded.entry_price, status = excluded.status, filled_qty = excluded.filled_qty,
    premium_paid = excluded.premium_paid, broker_order_id = excluded.broker_order_id,
    executed_at = coalesce(e.executed_at, excluded.executed_at)
RETURNING recommendation_id, execution_id
"""
WITHOUT_AN_ENDING = """
SELECT recommendation_id, recommended_at, state, payload, intended_at, since, cost, broker_order_id, filled_qty,
    filled_avg_price, repricing, coalesce(priced_at, intended_at) AS priced_at
FROM dispatch_claims
WHERE account = %(account)s AND state = ANY (%(states)s)
ORDER BY intended_at
"""
REJECTIONS = """
SELECT count(*) AS rejections FROM dispatch_claims
WHERE account = %(account)s AND state = 'rejected' AND since >= %(since)s
"""
ORDERED = """
SELECT recommendation_id FROM dispatch_claims
WHERE account = %(account)s AND recommendation_id = ANY (%(ids)s)
  AND state NOT IN ('claimed', 'refused', 'not_placed')
"""
# Whole trades that began with an entry of ours: a person's own say nothing about the recommendations.
# A spread's fills bear the ids of its legs, which no answer of ours has: it is known again by its contracts, opened
# between its order and that order's end. It is a trade once both legs are closed; its stake is what it could lose.
CLOSED_TRADES = """
SELECT symbol, opened_at, closed_at, cost, realized, fees FROM positions p
WHERE account = %(account)s AND stage = 'closed' AND complete AND cost > 0
  AND (symbol ~ '[0-9]{6}[CP][0-9]{8}$') = %(options)s
  AND EXISTS (SELECT FROM position_movements m JOIN dispatch_claims c USING (account)
              WHERE m.position_id = p.id AND c.broker_order_id = m.order_id)
UNION ALL
SELECT c.symbol, min(p.opened_at), max(p.closed_at), (c.rationale->'trade'->>'loss')::numeric * c.filled_qty,
    sum(p.realized), sum(p.fees)
FROM (SELECT * FROM dispatch_claims
      WHERE %(options)s AND account = %(account)s AND payload->>'order_class' = 'mleg' AND filled_qty > 0
      ORDER BY since DESC LIMIT %(most)s) c,
    jsonb_array_elements(c.payload->'legs') leg, positions p
WHERE (c.rationale->'trade'->>'loss')::numeric > 0
  AND p.account = c.account AND p.symbol = leg->>'symbol'
  AND p.opened_at BETWEEN c.intended_at - interval '5 seconds' AND c.since + interval '5 seconds'
GROUP BY c.recommendation_id, c.symbol, c.payload, c.rationale, c.filled_qty
HAVING count(*) = jsonb_array_length(c.payload->'legs') AND bool_and(p.stage = 'closed' AND p.complete)
ORDER BY closed_at DESC LIMIT %(most)s
"""
# One row however long the window: the index on (underlying, day) has it in one place.
PAST_VOLATILITY = """
SELECT count(*) AS days, min(iv) AS low, max(iv) AS high, count(*) FILTER (WHERE iv < %(iv)s) AS below,
    max(day) AS newest
FROM volatility_days WHERE underlying = %(underlying)s AND day >= %(first)s AND day < %(today)s
"""
NEWEST_INPUT = f"SELECT {CREATED_AT} FROM dispatch_recommendations ORDER BY id DESC LIMIT 1"  # noqa: S608  constants
# Read and written in one transaction; times go as seconds, which is what the arithmetic is in. Nobody waits for the
# disk: a minute that is lost with the server was nearly over.
BUDGET = """
WITH here AS (
    INSERT INTO request_budgets (account, ends_at, drawn, closed_until)
    VALUES (%(account)s, '-infinity', 0, '-infinity')
    ON CONFLICT (account) DO UPDATE SET drawn = request_budgets.drawn
    RETURNING *
)
SELECT set_config('synchronous_commit', 'off', true) AS lazy, drawn,
    extract(epoch FROM clock_timestamp())::float8 AS now,
    extract(epoch FROM ends_at)::float8 AS ends_at, extract(epoch FROM closed_until)::float8 AS closed_until
FROM here
"""
SPEND = """
UPDATE request_budgets
SET ends_at = to_timestamp(%(ends_at)s), drawn = %(drawn)s, closed_until = to_timestamp(%(closed_until)s)
WHERE account = %(account)s
RETURNING 1
"""
# A member's session holds an advisory lock of its own name: the others know at once when its connection is gone.
BE_PRESENT = "SELECT pg_advisory_lock(hashtextextended('dispatch member ' || %(holder)s, 0)) IS NULL AS locked"
ATTEND = """
INSERT INTO dispatch_members (holder, accounts, seen_until)
VALUES (%(holder)s, %(accounts)s, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (holder) DO UPDATE SET seen_until = excluded.seen_until
RETURNING 1
"""
# A row that is locked (an intent is being committed, or the backend of a dead process hangs) is passed by and found by
# a later round: one account must not keep the leases of all the others waiting.
# Whoever is gone, or was not seen for as long as a lease lasts, holds nothing any more.
BURY = """
WITH gone AS (
    DELETE FROM dispatch_members
    WHERE holder <> %(holder)s AND (seen_until <= clock_timestamp()
        OR pg_try_advisory_xact_lock(hashtextextended('dispatch member ' || holder, 0)))
    RETURNING holder
), left_behind AS (
    SELECT account FROM dispatch_accounts
    WHERE holder IN (SELECT holder FROM gone) AND expires_at > clock_timestamp() FOR UPDATE SKIP LOCKED
)
UPDATE dispatch_accounts SET expires_at = clock_timestamp() WHERE account IN (SELECT account FROM left_behind)
RETURNING account
"""
RENEW_LEASES = """
WITH ours AS (
    SELECT a.account FROM dispatch_accounts a JOIN unnest(%(held)s::text[], %(epochs)s::bigint[]) AS h(account, epoch)
        ON a.account = h.account AND a.epoch = h.epoch
    WHERE a.expires_at > clock_timestamp() FOR UPDATE OF a SKIP LOCKED
)
UPDATE dispatch_accounts SET expires_at = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE account IN (SELECT account FROM ours)
RETURNING account
"""
MEMBERS = "SELECT holder, accounts FROM dispatch_members"
HOLDERS = """
SELECT account, holder, epoch FROM dispatch_accounts
WHERE account = ANY (%(accounts)s) AND expires_at > clock_timestamp()
"""
# `present` is for an older image that runs beside this one: it waits until the lease has run out.
TAKE_LEASES = """
WITH free AS (
    SELECT account FROM dispatch_accounts
    WHERE account = ANY (%(wanted)s) AND expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE dispatch_accounts
    SET holder = %(holder)s, epoch = epoch + 1, present = false,
        expires_at = clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE account IN (SELECT account FROM free)
    RETURNING account, epoch
), new AS (
    INSERT INTO dispatch_accounts (account, holder, epoch, expires_at)
    SELECT account, %(holder)s, 1, clock_timestamp() + %(seconds)s * interval '1 second'
    FROM unnest(%(wanted)s::text[]) AS w(account)
    WHERE NOT EXISTS (SELECT FROM dispatch_accounts a WHERE a.account = w.account)
    ON CONFLICT DO NOTHING
    RETURNING account, epoch
)
SELECT * FROM taken UNION ALL SELECT * FROM new
"""
RELEASE_LEASE = """
UPDATE dispatch_accounts SET expires_at = clock_timestamp() WHERE account = %(account)s AND epoch = %(epoch)s
RETURNING epoch
"""
LEAVE = "DELETE FROM dispatch_members WHERE holder = %(holder)s RETURNING 1"
