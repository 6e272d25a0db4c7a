-- From when on an account's statement is ours to read. What was held before is adopted as the broker tells it.
CREATE TABLE position_accounts (
    account  text PRIMARY KEY,
    began_at timestamptz NOT NULL
);

-- One position from flat to flat. Every change names the version it was made from, so none is made blind.
CREATE TABLE positions (
    id                  bigserial PRIMARY KEY,
    account             text NOT NULL,
    symbol              text NOT NULL,
    stage               text NOT NULL CHECK (stage IN ('open', 'exiting', 'closed')),
    version             integer NOT NULL,
    quantity            numeric NOT NULL,  -- signed; what the movements add up to
    average_price       numeric,           -- USD; null when the broker never told one
    realized            numeric NOT NULL,  -- USD, first in first out, before fees
    fees                numeric NOT NULL,  -- USD
    complete            boolean NOT NULL,  -- false when a price was missing, so that realized is not the whole
    opened_at           timestamptz NOT NULL, -- these times are the broker's clock
    closed_at           timestamptz,
    stop_loss           numeric,
    take_profit         numeric,
    plan_source         text,
    peak                numeric,
    exit_reason         text,
    exit_observed       text,
    exit_threshold      text,
    exit_at             timestamptz,
    unprotected_since   timestamptz,
    unprotected_seconds numeric NOT NULL,
    CHECK ((stage = 'closed') = (quantity = 0)),
    CHECK ((stage = 'closed') = (closed_at IS NOT NULL)),
    CHECK (stage <> 'exiting' OR (exit_reason IS NOT NULL AND exit_at IS NOT NULL))
);
CREATE UNIQUE INDEX positions_one_live ON positions (account, symbol) WHERE stage <> 'closed';
CREATE INDEX positions_closed ON positions (account, closed_at) WHERE stage = 'closed';

-- Closed is the end; and what is exiting does not go back to being merely open.
CREATE FUNCTION positions_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.stage = 'closed' AND new.stage <> 'closed' THEN
        RAISE EXCEPTION 'position % is closed', old.id USING ERRCODE = 'check_violation';
    END IF;
    IF old.stage = 'exiting' AND new.stage = 'open' THEN
        RAISE EXCEPTION 'position % is exiting', old.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER positions_guard BEFORE UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION positions_guard();

-- The broker's statement as read, line by line, and our adjustments where it explains less than is held.
CREATE TABLE position_movements (
    account     text NOT NULL,
    id          text NOT NULL,
    kind        text NOT NULL,
    symbol      text NOT NULL,
    quantity    numeric NOT NULL,
    price       numeric,
    amount      numeric NOT NULL,
    at          timestamptz NOT NULL,
    order_id    text,
    position_id bigint REFERENCES positions (id),
    place       integer, -- within its position
    set_aside   boolean NOT NULL DEFAULT false, -- seen, and of no position
    PRIMARY KEY (account, id)
);
CREATE INDEX position_movements_of ON position_movements (position_id);
CREATE INDEX position_movements_new ON position_movements (account) WHERE position_id IS NULL AND NOT set_aside;
CREATE INDEX position_movements_latest ON position_movements (account, at) WHERE kind = 'FILL';
CREATE INDEX position_movements_adjusted ON position_movements (account) WHERE kind = 'ADJUST';

-- Orders of the position manager, committed before anything is sent. A close goes by symbol and has no body.
CREATE TABLE position_orders (
    client_order_id text PRIMARY KEY,
    account         text NOT NULL,
    position_id     bigint NOT NULL REFERENCES positions (id),
    symbol          text NOT NULL,
    purpose         text NOT NULL CHECK (purpose IN ('oco', 'close')),
    sequence        integer NOT NULL,
    state           text NOT NULL CHECK (state IN ('intended', 'unknown', 'accepted', 'partly_filled', 'filled',
                        'canceled', 'expired', 'rejected', 'not_placed')),
    payload         jsonb,
    payload_hash    text,
    intended_at     timestamptz NOT NULL,
    since           timestamptz NOT NULL,
    broker_order_id text,
    detail          text,
    UNIQUE (account, position_id, purpose, sequence),
    CHECK (purpose <> 'oco' OR (payload IS NOT NULL AND payload_hash IS NOT NULL)),
    CHECK (state NOT IN ('accepted', 'partly_filled', 'filled') OR broker_order_id IS NOT NULL)
);
CREATE INDEX position_orders_without_an_ending ON position_orders (account)
    WHERE state IN ('intended', 'unknown', 'accepted', 'partly_filled');
