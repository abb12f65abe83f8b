-- Full-text search over passages, kept in step by triggers. After a restore from a dump, rebuild each:
--   insert into archival_passages_fts(archival_passages_fts) values ('rebuild');
--> statement-breakpoint
CREATE VIRTUAL TABLE archival_passages_fts USING fts5(text, content='archival_passages', content_rowid='rowid', tokenize='unicode61 remove_diacritics 2');
--> statement-breakpoint
CREATE TRIGGER archival_passages_fts_insert AFTER INSERT ON archival_passages BEGIN
  INSERT INTO archival_passages_fts(rowid, text) VALUES (new.rowid, new.text);
END;
--> statement-breakpoint
CREATE TRIGGER archival_passages_fts_delete AFTER DELETE ON archival_passages BEGIN
  INSERT INTO archival_passages_fts(archival_passages_fts, rowid, text) VALUES ('delete', old.rowid, old.text);
END;
--> statement-breakpoint
CREATE TRIGGER archival_passages_fts_update AFTER UPDATE OF text ON archival_passages WHEN old.text IS NOT new.text BEGIN
  INSERT INTO archival_passages_fts(archival_passages_fts, rowid, text) VALUES ('delete', old.rowid, old.text);
  INSERT INTO archival_passages_fts(rowid, text) VALUES (new.rowid, new.text);
END;
--> statement-breakpoint
CREATE VIRTUAL TABLE source_passages_fts USING fts5(text, content='source_passages', content_rowid='rowid', tokenize='unicode61 remove_diacritics 2');
--> statement-breakpoint
CREATE TRIGGER source_passages_fts_insert AFTER INSERT ON source_passages BEGIN
  INSERT INTO source_passages_fts(rowid, text) VALUES (new.rowid, new.text);
END;
--> statement-breakpoint
CREATE TRIGGER source_passages_fts_delete AFTER DELETE ON source_passages BEGIN
  INSERT INTO source_passages_fts(source_passages_fts, rowid, text) VALUES ('delete', old.rowid, old.text);
END;
--> statement-breakpoint
CREATE TRIGGER source_passages_fts_update AFTER UPDATE OF text ON source_passages WHEN old.text IS NOT new.text BEGIN
  INSERT INTO source_passages_fts(source_passages_fts, rowid, text) VALUES ('delete', old.rowid, old.text);
  INSERT INTO source_passages_fts(rowid, text) VALUES (new.rowid, new.text);
END;
--> statement-breakpoint
-- `NULLS NOT DISTINCT`, which SQLite lacks: an identity without a project takes part in the constraint as the project ''.
CREATE UNIQUE INDEX unique_identifier_key_project_id_organization_id ON identities (identifier_key, coalesce(project_id, ''), organization_id) WHERE is_deleted = 0;
