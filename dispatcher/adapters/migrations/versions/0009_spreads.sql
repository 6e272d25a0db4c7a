CREATE INDEX dispatch_claims_of_spreads ON dispatch_claims (account, since)
    WHERE payload->>'order_class' = 'mleg' AND filled_qty > 0;
CREATE INDEX positions_by_symbol ON positions (account, symbol, opened_at);
