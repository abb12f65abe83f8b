CREATE TABLE `vectors` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`kind` text NOT NULL,
	`namespace` text NOT NULL,
	`model` text NOT NULL,
	`dimensions` integer,
	`version` integer DEFAULT 1 NOT NULL,
	`state` text DEFAULT 'pending' NOT NULL,
	`content_hash` text,
	`vector` text,
	`indexed_dimensions` integer,
	`attempts` integer DEFAULT 0 NOT NULL,
	`error` text,
	`due_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "vectors_state_vector" CHECK("vectors"."state" not in ('embedded', 'submitted', 'indexed') or "vectors"."vector" is not null),
	CONSTRAINT "vectors_vector_dimensions" CHECK("vectors"."vector" is null or ("vectors"."dimensions" is not null and length("vectors"."vector") = ("vectors"."dimensions" * 4 + 2) / 3 * 4))
);
--> statement-breakpoint
CREATE INDEX `ix_vectors_namespace` ON `vectors` (`namespace`,`kind`,`created_at`);--> statement-breakpoint
CREATE INDEX `ix_vectors_unindexed` ON `vectors` (`namespace`,`kind`,`created_at`) WHERE state <> 'indexed';--> statement-breakpoint
CREATE INDEX `ix_vectors_organization_unindexed` ON `vectors` (`organization_id`,`kind`,`created_at`) WHERE state <> 'indexed';--> statement-breakpoint
CREATE INDEX `ix_vectors_due` ON `vectors` (`organization_id`,`due_at`) WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX `ix_vectors_content` ON `vectors` (`organization_id`,`content_hash`) WHERE content_hash is not null;