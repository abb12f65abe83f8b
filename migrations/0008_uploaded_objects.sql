CREATE TABLE `unowned_objects` (
	`object_key` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`due_at` integer NOT NULL,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `ix_unowned_objects_due_at` ON `unowned_objects` (`due_at`);--> statement-breakpoint
DROP INDEX `source_passages_file_id_idx`;--> statement-breakpoint
CREATE UNIQUE INDEX `source_passages_file_id_idx` ON `source_passages` (`file_id`,`position`);--> statement-breakpoint
ALTER TABLE `file_contents` ADD `lines` integer;