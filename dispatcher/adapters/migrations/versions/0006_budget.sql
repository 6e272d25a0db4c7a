-- One account's minute at the broker: what was drawn of it, and until when nobody may ask after a 429. By the server's clock.
CREATE TABLE request_budgets (
    account      text PRIMARY KEY,
    ends_at      timestamptz NOT NULL,
    drawn        integer NOT NULL,
    closed_until timestamptz NOT NULL
);
