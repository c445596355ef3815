CREATE TABLE "schema_compatibility" (
	"is_only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"readable_since" integer NOT NULL
);
--> statement-breakpoint
-- The oldest version that may use this database is the one that ends at this migration.
INSERT INTO "schema_compatibility" ("readable_since") VALUES (11);
