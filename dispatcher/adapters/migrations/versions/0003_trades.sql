-- USD that the openings were worth. Null where an older image wrote the row: such a trade is no evidence.
ALTER TABLE positions ADD COLUMN cost numeric;

CREATE INDEX dispatch_claims_by_order ON dispatch_claims (account, broker_order_id) WHERE broker_order_id IS NOT NULL;
