-- Nothing has been written to it yet.
DROP TABLE "secret_reads";--> statement-breakpoint
CREATE TABLE "secret_reads" (
	"id" uuid NOT NULL,
	"environment_id" uuid NOT NULL,
	"agent_secret_ids" uuid[] NOT NULL,
	"revisions" bigint[] NOT NULL,
	"account_id" uuid NOT NULL,
	"token_id" uuid,
	"door" text NOT NULL,
	"request_id" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "secret_reads_environment_id_id_pk" PRIMARY KEY("environment_id","id")
);
--> statement-breakpoint
CREATE INDEX "secret_reads_secret" ON "secret_reads" USING gin ("agent_secret_ids");--> statement-breakpoint
CREATE INDEX "secret_reads_at" ON "secret_reads" USING brin ("at");--> statement-breakpoint
CREATE TABLE "last_secret_reads" (
	"agent_secret_id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "scopes" text[];--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "environment_id" uuid;--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "path_prefixes" text[];--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "last_used_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;
