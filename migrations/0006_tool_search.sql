-- Full-text search over tools, kept in step by triggers. The organization is in the index, so that a search reads no entries of others.
-- After a restore from a dump, rebuild it:
--   insert into tools_fts(tools_fts) values ('rebuild');
CREATE VIRTUAL TABLE tools_fts USING fts5(organization_id, name, description, tags, content='tools', content_rowid='rowid', tokenize='porter unicode61 remove_diacritics 2');
--> statement-breakpoint
-- A word in the name counts most, the organization nothing.
INSERT INTO tools_fts(tools_fts, rank) VALUES ('rank', 'bm25(0.0, 10.0, 4.0, 4.0)');
--> statement-breakpoint
CREATE TRIGGER tools_fts_insert AFTER INSERT ON tools BEGIN
  INSERT INTO tools_fts(rowid, organization_id, name, description, tags) VALUES (new.rowid, new.organization_id, new.name, new.description, new.tags);
END;
--> statement-breakpoint
CREATE TRIGGER tools_fts_delete AFTER DELETE ON tools BEGIN
  INSERT INTO tools_fts(tools_fts, rowid, organization_id, name, description, tags) VALUES ('delete', old.rowid, old.organization_id, old.name, old.description, old.tags);
END;
--> statement-breakpoint
CREATE TRIGGER tools_fts_update AFTER UPDATE OF organization_id, name, description, tags ON tools
WHEN old.organization_id IS NOT new.organization_id OR old.name IS NOT new.name OR old.description IS NOT new.description OR old.tags IS NOT new.tags BEGIN
  INSERT INTO tools_fts(tools_fts, rowid, organization_id, name, description, tags) VALUES ('delete', old.rowid, old.organization_id, old.name, old.description, old.tags);
  INSERT INTO tools_fts(rowid, organization_id, name, description, tags) VALUES (new.rowid, new.organization_id, new.name, new.description, new.tags);
END;
--> statement-breakpoint
-- Tools that were there before the index.
INSERT INTO tools_fts(tools_fts) VALUES ('rebuild');
