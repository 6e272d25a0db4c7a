-- What upstream wrote of, told before the bell is rung, so that a quote can be asked for while the row is claimed. What
-- many rows were written of at once is told in part: they share their quotes anyway. A reader that does not listen here
-- misses nothing else.
CREATE FUNCTION dispatch_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('dispatch_tickers', left(told.ticker::text, 32)) FROM (SELECT ticker FROM written LIMIT 32) AS told;
    RETURN NULL;
END $$;
DO $$
BEGIN
    -- By its name it comes before dispatch_wake.
    CREATE TRIGGER dispatch_tell AFTER INSERT ON dispatch_recommendations
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION dispatch_tell();
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'no trigger on dispatch_recommendations: %', SQLERRM;
END $$;
