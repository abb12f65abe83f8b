-- Full-text search over messages, kept in step by triggers. After a restore from a dump, rebuild it:
--   insert into messages_fts(messages_fts) values ('rebuild');
CREATE VIRTUAL TABLE messages_fts USING fts5(text, content='messages', content_rowid='rowid', tokenize='unicode61 remove_diacritics 2');
--> statement-breakpoint
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages WHEN new.text IS NOT NULL BEGIN
  INSERT INTO messages_fts(rowid, text) VALUES (new.rowid, new.text);
END;
--> statement-breakpoint
CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages WHEN old.text IS NOT NULL BEGIN
  INSERT INTO messages_fts(messages_fts, rowid, text) VALUES ('delete', old.rowid, old.text);
END;
--> statement-breakpoint
CREATE TRIGGER messages_fts_update AFTER UPDATE OF text ON messages WHEN old.text IS NOT new.text BEGIN
  INSERT INTO messages_fts(messages_fts, rowid, text) SELECT 'delete', old.rowid, old.text WHERE old.text IS NOT NULL;
  INSERT INTO messages_fts(rowid, text) SELECT new.rowid, new.text WHERE new.text IS NOT NULL;
END;
--> statement-breakpoint
-- Messages that were there before the index.
INSERT INTO messages_fts(messages_fts) VALUES ('rebuild');
--> statement-breakpoint
-- `NULLS NOT DISTINCT`, which SQLite lacks: a tool without a project takes part in the constraint as the project ''.
CREATE UNIQUE INDEX uix_organization_project_name ON tools (organization_id, coalesce(project_id, ''), name) WHERE is_deleted = 0;
--> statement-breakpoint
-- The organization and user of a caller without a key, where AUTH=open.
INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('org-00000000-0000-4000-8000-000000000000', 'default_org', 0, 0);
--> statement-breakpoint
INSERT INTO users (id, organization_id, name, created_at, updated_at) VALUES ('user-00000000-0000-4000-8000-000000000000', 'org-00000000-0000-4000-8000-000000000000', 'default_user', 0, 0);
