ALTER TABLE dispatch_claims
    ADD COLUMN rationale   jsonb,       -- for an option: every candidate, the volatility's rank, the size
    ADD COLUMN repricing   jsonb,       -- the bound of its limit, and the step in force
    ADD COLUMN replacement jsonb,       -- the body of the order that was last asked to take its place
    ADD COLUMN priced_at   timestamptz; -- when the limit was last asked to move, the broker's clock

-- One 30-day volatility at the money a day. Where there was none, there is no row: not 0.
CREATE TABLE volatility_days (
    underlying text NOT NULL,
    day        date NOT NULL, -- New York's
    iv         numeric NOT NULL CHECK (iv > 0), -- a year's, as a fraction
    spot       numeric CHECK (spot > 0), -- USD
    near_days  numeric, -- the expiries it lies between, and the volatility at the money there
    near_iv    numeric,
    far_days   numeric,
    far_iv     numeric,
    modelled   integer, -- contracts whose volatility was ours, because the broker gave none
    source     text NOT NULL CHECK (source IN ('snapshot', 'backfill')),
    taken_at   timestamptz NOT NULL,
    PRIMARY KEY (underlying, day) INCLUDE (iv)
);
