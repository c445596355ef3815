ALTER TABLE "environments" ADD COLUMN "compatibility_check" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "version_check" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "environments" ADD COLUMN "security_overrides" boolean DEFAULT false NOT NULL;