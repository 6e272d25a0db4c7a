-- A process that serves accounts, and which it may serve. It says every half second that it is there.
CREATE TABLE dispatch_members (
    holder     text PRIMARY KEY,
    accounts   text[] NOT NULL,
    seen_until timestamptz NOT NULL
);
