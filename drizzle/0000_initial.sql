CREATE TABLE "accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"roles" text[] NOT NULL,
	"plan_id" uuid NOT NULL,
	"environment_count" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "agent_secret_revisions" (
	"environment_id" uuid NOT NULL,
	"environment_revision" bigint NOT NULL,
	"agent_secret_id" uuid NOT NULL,
	"revision" bigint NOT NULL,
	"change" text NOT NULL,
	"sealed_value" "bytea",
	"value_revision" bigint,
	"value_digest" "bytea",
	"at" timestamp (3) with time zone NOT NULL,
	"account_id" uuid NOT NULL,
	"token_id" uuid,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "agent_secret_revisions_environment_id_environment_revision_pk" PRIMARY KEY("environment_id","environment_revision"),
	CONSTRAINT "agent_secret_revisions_secret" UNIQUE("agent_secret_id","revision")
);
--> statement-breakpoint
CREATE TABLE "agent_secrets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"environment_id" uuid NOT NULL,
	"path" text collate "C" NOT NULL,
	"secret_type" text NOT NULL,
	"type_kind" text NOT NULL,
	"revision" bigint NOT NULL,
	"sealed_value" "bytea",
	"value_revision" bigint,
	"created_at" timestamp (3) with time zone NOT NULL,
	"created_by" uuid NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"updated_by" uuid NOT NULL,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "applications" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"name" text collate "C" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "environment_keys" (
	"environment_id" uuid NOT NULL,
	"purpose" text NOT NULL,
	"version" integer NOT NULL,
	"master_key_id" text NOT NULL,
	"wrapped" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "environment_keys_environment_id_purpose_version_pk" PRIMARY KEY("environment_id","purpose","version")
);
--> statement-breakpoint
CREATE TABLE "environment_shares" (
	"id" uuid PRIMARY KEY NOT NULL,
	"environment_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"roles" text[] NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "environment_shares_account" UNIQUE("environment_id","account_id")
);
--> statement-breakpoint
CREATE TABLE "environments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"name" text collate "C" NOT NULL,
	"revision" bigint DEFAULT 0 NOT NULL,
	"secret_count" integer DEFAULT 0 NOT NULL,
	"head_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"account_id" uuid NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"environment_id" uuid NOT NULL,
	"agent_secret_id" uuid,
	"revision" bigint,
	"environment_revision" bigint,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_account_id_key_hash_pk" PRIMARY KEY("account_id","key_hash")
);
--> statement-breakpoint
CREATE TABLE "plans" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"max_environments" integer NOT NULL,
	"max_secrets_per_environment" integer NOT NULL,
	"max_value_bytes" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "plans_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "secret_reads" (
	"id" uuid PRIMARY KEY NOT NULL,
	"environment_id" uuid NOT NULL,
	"agent_secret_id" uuid NOT NULL,
	"revision" bigint NOT NULL,
	"account_id" uuid NOT NULL,
	"token_id" uuid,
	"door" text NOT NULL,
	"request_id" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"name" text NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "tokens_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_plan_id_plans_id_fk" FOREIGN KEY ("plan_id") REFERENCES "public"."plans"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_secret_revisions" ADD CONSTRAINT "agent_secret_revisions_agent_secret_id_agent_secrets_id_fk" FOREIGN KEY ("agent_secret_id") REFERENCES "public"."agent_secrets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_secrets" ADD CONSTRAINT "agent_secrets_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "applications" ADD CONSTRAINT "applications_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_keys" ADD CONSTRAINT "environment_keys_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_shares" ADD CONSTRAINT "environment_shares_environment_id_environments_id_fk" FOREIGN KEY ("environment_id") REFERENCES "public"."environments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environment_shares" ADD CONSTRAINT "environment_shares_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "accounts_name" ON "accounts" USING btree ("name") WHERE "accounts"."deleted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "agent_secrets_path" ON "agent_secrets" USING btree ("environment_id","path") WHERE "agent_secrets"."deleted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "applications_name" ON "applications" USING btree ("account_id","name") WHERE "applications"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "environment_shares_by_account" ON "environment_shares" USING btree ("account_id");--> statement-breakpoint
CREATE UNIQUE INDEX "environments_name" ON "environments" USING btree ("application_id","name") WHERE "environments"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "environments_account" ON "environments" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_expiry" ON "idempotency_keys" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "secret_reads_environment" ON "secret_reads" USING btree ("environment_id","at");--> statement-breakpoint
CREATE INDEX "secret_reads_secret" ON "secret_reads" USING btree ("agent_secret_id","at");--> statement-breakpoint
CREATE INDEX "tokens_account" ON "tokens" USING btree ("account_id","id");--> statement-breakpoint
INSERT INTO "plans" ("id", "name", "max_environments", "max_secrets_per_environment", "max_value_bytes", "created_at")
VALUES ('00000000-0000-7000-8000-000000000001', 'default', 100, 1000, 65536, now());
