-- Room on every page for a row's next version: an update that stays on its page touches no index. For pages from now on;
-- those that are full keep what they have until the table is rewritten (VACUUM FULL, or pg_repack while it is used).
ALTER TABLE "agent_secrets" SET (fillfactor = 90);--> statement-breakpoint
ALTER TABLE "last_secret_reads" SET (fillfactor = 90);
