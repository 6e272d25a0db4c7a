-- 'backfill' is what an older image writes of a file.
ALTER TABLE volatility_days
    DROP CONSTRAINT volatility_days_source_check,
    ADD CONSTRAINT volatility_days_source_check CHECK (source IN ('snapshot', 'bars', 'file', 'backfill'));
