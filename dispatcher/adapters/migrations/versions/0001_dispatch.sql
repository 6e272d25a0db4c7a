-- What upstream writes. Its own constraints are not repeated where it made no table: the dispatcher reads strictly,
-- and a refusal names the field, which a failed insert upstream would not.
CREATE TABLE IF NOT EXISTS dispatch_recommendations (
    id                 bigserial PRIMARY KEY,
    ts                 timestamptz NOT NULL DEFAULT now(),
    created_at         timestamptz NOT NULL DEFAULT now(),
    ticker             text,
    action             text,
    instrument_type    text,
    strategy_type      text,
    confidence         double precision,
    reason             jsonb,
    features_snapshot  jsonb,
    sentiment_snapshot jsonb,
    status             text NOT NULL DEFAULT 'PENDING',
    processed_at       timestamptz,
    dispatcher_run_id  uuid,
    failure_reason     text,
    risk_gate_json     jsonb,
    executed_at        timestamptz,
    filled_price       numeric,
    shares             numeric
);

-- What downstream reads, in the original's shape. No foreign key to recommendations: it would lock upstream's rows.
CREATE TABLE IF NOT EXISTS dispatch_executions (
    execution_id       uuid PRIMARY KEY,
    recommendation_id  bigint NOT NULL,
    dispatcher_run_id  uuid,
    ticker             text NOT NULL,
    action             text NOT NULL,
    decision_ts        timestamptz NOT NULL,
    simulated_ts       timestamptz NOT NULL,
    entry_price        numeric(18, 8) NOT NULL,
    fill_model         text NOT NULL,
    slippage_bps       integer,
    qty                numeric NOT NULL,
    notional           numeric NOT NULL,
    stop_loss_price    numeric(18, 8),
    take_profit_price  numeric(18, 8),
    max_hold_minutes   integer,
    execution_mode     text NOT NULL,
    account_name       text NOT NULL,
    explain_json       jsonb,
    risk_json          jsonb,
    sim_json           jsonb,
    instrument_type    text NOT NULL DEFAULT 'STOCK',
    strike_price       numeric,
    expiration_date    date,
    contracts          integer,
    premium_paid       numeric,
    delta              numeric,
    theta              numeric,
    implied_volatility numeric,
    option_symbol      text,
    strategy_type      text,
    features_snapshot  jsonb,
    side               text,
    status             text,
    broker_order_id    text,
    stop_order_id      text,
    target_order_id    text,
    executed_at        timestamptz,
    filled_qty         numeric
);
-- An execution is written by this key; a table from before February 2026 has none with the account in it.
CREATE UNIQUE INDEX IF NOT EXISTS dispatch_executions_of_an_account ON dispatch_executions (recommendation_id, account_name);

-- Who may trade for an account. A holder whose epoch is not this one can commit no intent.
CREATE TABLE dispatch_accounts (
    account         text PRIMARY KEY,
    holder          text NOT NULL,
    epoch           bigint NOT NULL,
    expires_at      timestamptz NOT NULL,
    present         boolean NOT NULL DEFAULT false, -- the holder's connection says that it lives
    considers_after bigint -- recommendations up to this id were there before the account first traded
);

-- One recommendation for one account, from the claim to its ending. Every update names the state it expects.
CREATE TABLE dispatch_claims (
    recommendation_id bigint NOT NULL,
    account           text NOT NULL,
    state             text NOT NULL CHECK (state IN ('claimed', 'intended', 'unknown', 'accepted', 'partly_filled',
                          'refused', 'rejected', 'not_placed', 'filled', 'canceled', 'expired')),
    epoch             bigint NOT NULL,
    recommended_at    timestamptz NOT NULL,
    claimed_at        timestamptz NOT NULL, -- these times are the broker's clock
    intended_at       timestamptz,
    since             timestamptz NOT NULL, -- when it came into its state
    reason            text,
    detail            text,
    observed          text,
    threshold         text,
    checks            jsonb,
    symbol            text,
    client_order_id   text UNIQUE,
    payload           jsonb,
    payload_hash      text,
    cost              numeric,
    broker_order_id   text,
    filled_qty        numeric NOT NULL DEFAULT 0,
    filled_avg_price  numeric,
    http_status       integer,
    code              bigint,
    extra             jsonb,
    execution_id      uuid,
    PRIMARY KEY (account, recommendation_id),
    CHECK (state IN ('claimed', 'refused') OR (client_order_id IS NOT NULL AND payload_hash IS NOT NULL)),
    CHECK (state NOT IN ('accepted', 'partly_filled', 'filled') OR broker_order_id IS NOT NULL),
    CHECK (state NOT IN ('refused', 'rejected', 'not_placed') OR reason IS NOT NULL)
);
CREATE INDEX dispatch_claims_without_an_ending ON dispatch_claims (account)
    WHERE state IN ('claimed', 'intended', 'unknown', 'accepted', 'partly_filled');

CREATE INDEX dispatch_claims_rejected ON dispatch_claims (account, since) WHERE state = 'rejected';
CREATE INDEX dispatch_claims_by_symbol ON dispatch_claims (account, symbol, intended_at);

-- The one thing added to upstream's table: it says that something was written. Where the table is another's and may not
-- be touched, the dispatcher looks every half second instead.
CREATE OR REPLACE FUNCTION dispatch_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('dispatch_recommendations', '');
    RETURN NULL;
END $$;
DO $$
BEGIN
    CREATE TRIGGER dispatch_wake AFTER INSERT ON dispatch_recommendations
        FOR EACH STATEMENT EXECUTE FUNCTION dispatch_wake();
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'no trigger on dispatch_recommendations: %', SQLERRM;
END $$;
