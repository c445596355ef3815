ALTER TABLE "agent_secret_revisions" ADD COLUMN "deleted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "agent_secret_revisions" ADD COLUMN "destroyed_revision" bigint;--> statement-breakpoint
ALTER TABLE "agent_secret_revisions" ADD COLUMN "set_position" integer;--> statement-breakpoint
ALTER TABLE "agent_secret_revisions" ADD COLUMN "set_size" integer;--> statement-breakpoint
CREATE INDEX "agent_secret_revisions_as_of" ON "agent_secret_revisions" USING btree ("agent_secret_id","environment_revision");--> statement-breakpoint
CREATE INDEX "agent_secrets_deleted" ON "agent_secrets" USING btree ("environment_id","path","id") WHERE "agent_secrets"."deleted_at" is not null;--> statement-breakpoint
UPDATE "agent_secret_revisions" SET "deleted_at" = "at" WHERE "change" = 'deleted';
