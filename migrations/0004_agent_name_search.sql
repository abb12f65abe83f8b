-- Texts within the names of agents, kept in step by triggers. After a restore from a dump, rebuild it:
--   insert into agents_fts(agents_fts) values ('rebuild');
CREATE VIRTUAL TABLE agents_fts USING fts5(name, content='agents', content_rowid='rowid', tokenize='trigram');
--> statement-breakpoint
CREATE TRIGGER agents_fts_insert AFTER INSERT ON agents BEGIN
  INSERT INTO agents_fts(rowid, name) VALUES (new.rowid, new.name);
END;
--> statement-breakpoint
CREATE TRIGGER agents_fts_delete AFTER DELETE ON agents BEGIN
  INSERT INTO agents_fts(agents_fts, rowid, name) VALUES ('delete', old.rowid, old.name);
END;
--> statement-breakpoint
CREATE TRIGGER agents_fts_update AFTER UPDATE OF name ON agents WHEN old.name IS NOT new.name BEGIN
  INSERT INTO agents_fts(agents_fts, rowid, name) VALUES ('delete', old.rowid, old.name);
  INSERT INTO agents_fts(rowid, name) VALUES (new.rowid, new.name);
END;
--> statement-breakpoint
-- Agents that were there before the index.
INSERT INTO agents_fts(agents_fts) VALUES ('rebuild');
