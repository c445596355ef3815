ALTER TABLE "accounts" ADD COLUMN "email" text;--> statement-breakpoint
CREATE UNIQUE INDEX "accounts_email" ON "accounts" USING btree ("email") WHERE "accounts"."deleted_at" is null;