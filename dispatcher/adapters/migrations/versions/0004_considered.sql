-- Up to `considered_to` every recommendation has been considered, so a claim looks above it only. It moves to `marked_id`,
-- the newest id at an earlier look, once every transaction that was under way then (below `marked_xid`) has ended: until
-- then one of them may still commit a smaller id. Null: as far as `considers_after`.
ALTER TABLE dispatch_accounts
    ADD COLUMN considered_to bigint,
    ADD COLUMN marked_id     bigint,
    ADD COLUMN marked_xid    xid8;
