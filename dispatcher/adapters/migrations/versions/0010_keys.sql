-- Of a table that has no statistics yet the planner believes that every index beginning with the account finds a row as
-- fast as the primary key does. So no other index begins with the account alone: for each look-up one fits, and no other.
CREATE INDEX dispatch_claims_in_symbol ON dispatch_claims (symbol, account, intended_at);
DROP INDEX dispatch_claims_by_symbol;
CREATE INDEX dispatch_claims_open ON dispatch_claims (account, state)
    WHERE state IN ('claimed', 'intended', 'unknown', 'accepted', 'partly_filled');
DROP INDEX dispatch_claims_without_an_ending;
