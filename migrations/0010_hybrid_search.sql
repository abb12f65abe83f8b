-- Words of passages and messages, with the scope (organization, and archive, folder or agent) as words of their own, so that a search reads no
-- entries of others. The text is kept once, in the tables; the views are what the indexes read it from. After a restore from a dump, rebuild each:
--   insert into archival_passages_fts(archival_passages_fts) values ('rebuild');
DROP TRIGGER archival_passages_fts_insert;
--> statement-breakpoint
DROP TRIGGER archival_passages_fts_delete;
--> statement-breakpoint
DROP TRIGGER archival_passages_fts_update;
--> statement-breakpoint
DROP TABLE archival_passages_fts;
--> statement-breakpoint
CREATE VIEW archival_passages_words AS SELECT rowid AS row, replace(organization_id, '-', '') || ' ' || replace(archive_id, '-', '') AS scope, text FROM archival_passages;
--> statement-breakpoint
CREATE VIRTUAL TABLE archival_passages_fts USING fts5(scope, text, content='archival_passages_words', content_rowid='row', tokenize='porter unicode61 remove_diacritics 2');
--> statement-breakpoint
INSERT INTO archival_passages_fts(archival_passages_fts, rank) VALUES ('rank', 'bm25(0.0, 1.0)');
--> statement-breakpoint
INSERT INTO archival_passages_fts(archival_passages_fts) VALUES ('rebuild');
--> statement-breakpoint
CREATE TRIGGER archival_passages_fts_insert AFTER INSERT ON archival_passages BEGIN
  INSERT INTO archival_passages_fts(rowid, scope, text) VALUES (new.rowid, replace(new.organization_id, '-', '') || ' ' || replace(new.archive_id, '-', ''), new.text);
END;
--> statement-breakpoint
CREATE TRIGGER archival_passages_fts_delete AFTER DELETE ON archival_passages BEGIN
  INSERT INTO archival_passages_fts(archival_passages_fts, rowid, scope, text) VALUES ('delete', old.rowid, replace(old.organization_id, '-', '') || ' ' || replace(old.archive_id, '-', ''), old.text);
END;
--> statement-breakpoint
CREATE TRIGGER archival_passages_fts_update AFTER UPDATE OF text ON archival_passages WHEN old.text IS NOT new.text BEGIN
  INSERT INTO archival_passages_fts(archival_passages_fts, rowid, scope, text) VALUES ('delete', old.rowid, replace(old.organization_id, '-', '') || ' ' || replace(old.archive_id, '-', ''), old.text);
  INSERT INTO archival_passages_fts(rowid, scope, text) VALUES (new.rowid, replace(new.organization_id, '-', '') || ' ' || replace(new.archive_id, '-', ''), new.text);
END;
--> statement-breakpoint
DROP TRIGGER source_passages_fts_insert;
--> statement-breakpoint
DROP TRIGGER source_passages_fts_delete;
--> statement-breakpoint
DROP TRIGGER source_passages_fts_update;
--> statement-breakpoint
DROP TABLE source_passages_fts;
--> statement-breakpoint
CREATE VIEW source_passages_words AS SELECT rowid AS row, replace(organization_id, '-', '') || ' ' || replace(source_id, '-', '') AS scope, text FROM source_passages;
--> statement-breakpoint
CREATE VIRTUAL TABLE source_passages_fts USING fts5(scope, text, content='source_passages_words', content_rowid='row', tokenize='porter unicode61 remove_diacritics 2');
--> statement-breakpoint
INSERT INTO source_passages_fts(source_passages_fts, rank) VALUES ('rank', 'bm25(0.0, 1.0)');
--> statement-breakpoint
INSERT INTO source_passages_fts(source_passages_fts) VALUES ('rebuild');
--> statement-breakpoint
CREATE TRIGGER source_passages_fts_insert AFTER INSERT ON source_passages BEGIN
  INSERT INTO source_passages_fts(rowid, scope, text) VALUES (new.rowid, replace(new.organization_id, '-', '') || ' ' || replace(new.source_id, '-', ''), new.text);
END;
--> statement-breakpoint
CREATE TRIGGER source_passages_fts_delete AFTER DELETE ON source_passages BEGIN
  INSERT INTO source_passages_fts(source_passages_fts, rowid, scope, text) VALUES ('delete', old.rowid, replace(old.organization_id, '-', '') || ' ' || replace(old.source_id, '-', ''), old.text);
END;
--> statement-breakpoint
CREATE TRIGGER source_passages_fts_update AFTER UPDATE OF text ON source_passages WHEN old.text IS NOT new.text BEGIN
  INSERT INTO source_passages_fts(source_passages_fts, rowid, scope, text) VALUES ('delete', old.rowid, replace(old.organization_id, '-', '') || ' ' || replace(old.source_id, '-', ''), old.text);
  INSERT INTO source_passages_fts(rowid, scope, text) VALUES (new.rowid, replace(new.organization_id, '-', '') || ' ' || replace(new.source_id, '-', ''), new.text);
END;
--> statement-breakpoint
DROP TRIGGER messages_fts_insert;
--> statement-breakpoint
DROP TRIGGER messages_fts_delete;
--> statement-breakpoint
DROP TRIGGER messages_fts_update;
--> statement-breakpoint
DROP TABLE messages_fts;
--> statement-breakpoint
CREATE VIEW messages_words AS SELECT rowid AS row, replace(organization_id, '-', '') || ' ' || replace(agent_id, '-', '') AS scope, text FROM messages WHERE text IS NOT NULL;
--> statement-breakpoint
CREATE VIRTUAL TABLE messages_fts USING fts5(scope, text, content='messages_words', content_rowid='row', tokenize='porter unicode61 remove_diacritics 2');
--> statement-breakpoint
INSERT INTO messages_fts(messages_fts, rank) VALUES ('rank', 'bm25(0.0, 1.0)');
--> statement-breakpoint
INSERT INTO messages_fts(messages_fts) VALUES ('rebuild');
--> statement-breakpoint
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages WHEN new.text IS NOT NULL BEGIN
  INSERT INTO messages_fts(rowid, scope, text) VALUES (new.rowid, replace(new.organization_id, '-', '') || ' ' || replace(new.agent_id, '-', ''), new.text);
END;
--> statement-breakpoint
CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages WHEN old.text IS NOT NULL BEGIN
  INSERT INTO messages_fts(messages_fts, rowid, scope, text) VALUES ('delete', old.rowid, replace(old.organization_id, '-', '') || ' ' || replace(old.agent_id, '-', ''), old.text);
END;
--> statement-breakpoint
CREATE TRIGGER messages_fts_update AFTER UPDATE OF text ON messages WHEN old.text IS NOT new.text BEGIN
  INSERT INTO messages_fts(messages_fts, rowid, scope, text) SELECT 'delete', old.rowid, replace(old.organization_id, '-', '') || ' ' || replace(old.agent_id, '-', ''), old.text WHERE old.text IS NOT NULL;
  INSERT INTO messages_fts(rowid, scope, text) SELECT new.rowid, replace(new.organization_id, '-', '') || ' ' || replace(new.agent_id, '-', ''), new.text WHERE new.text IS NOT NULL;
END;
--> statement-breakpoint
-- The vectors of passages are owed from the moment in which a passage is stored, and taken back when it goes, whoever writes or deletes it.
CREATE TRIGGER archival_passages_vectors_insert AFTER INSERT ON archival_passages BEGIN
  INSERT INTO vectors (id, organization_id, kind, namespace, model, dimensions, state, due_at, created_at, updated_at)
    SELECT new.id, new.organization_id, 'passage', new.archive_id, coalesce(o.embedding, o.embedding_config ->> 'handle'), CAST(o.embedding_config ->> 'embedding_dim' AS INTEGER), 'pending', 0, new.created_at, CAST(unixepoch('subsec') * 1000 AS INTEGER)
    FROM archives o WHERE o.id = new.archive_id AND coalesce(o.embedding, o.embedding_config ->> 'handle') IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id, namespace = excluded.namespace, model = excluded.model,
      dimensions = excluded.dimensions, state = 'pending', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0,
      created_at = excluded.created_at, updated_at = excluded.updated_at;
END;
--> statement-breakpoint
CREATE TRIGGER archival_passages_vectors_update AFTER UPDATE OF text ON archival_passages WHEN old.text IS NOT new.text BEGIN
  UPDATE vectors SET state = 'pending', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
    WHERE id = new.id;
END;
--> statement-breakpoint
CREATE TRIGGER archival_passages_vectors_delete AFTER DELETE ON archival_passages BEGIN
  UPDATE vectors SET state = 'deleted', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
    WHERE id = old.id;
END;
--> statement-breakpoint
INSERT INTO vectors (id, organization_id, kind, namespace, model, dimensions, state, due_at, created_at, updated_at)
  SELECT p.id, p.organization_id, 'passage', p.archive_id, coalesce(o.embedding, o.embedding_config ->> 'handle'), CAST(o.embedding_config ->> 'embedding_dim' AS INTEGER), 'pending', 0, p.created_at, CAST(unixepoch('subsec') * 1000 AS INTEGER)
  FROM archival_passages p JOIN archives o ON o.id = p.archive_id WHERE coalesce(o.embedding, o.embedding_config ->> 'handle') IS NOT NULL;
--> statement-breakpoint
CREATE TRIGGER source_passages_vectors_insert AFTER INSERT ON source_passages BEGIN
  INSERT INTO vectors (id, organization_id, kind, namespace, model, dimensions, state, due_at, created_at, updated_at)
    SELECT new.id, new.organization_id, 'source_passage', new.source_id, coalesce(o.embedding, o.embedding_config ->> 'handle'), CAST(o.embedding_config ->> 'embedding_dim' AS INTEGER), 'pending', 0, new.created_at, CAST(unixepoch('subsec') * 1000 AS INTEGER)
    FROM sources o WHERE o.id = new.source_id AND coalesce(o.embedding, o.embedding_config ->> 'handle') IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id, namespace = excluded.namespace, model = excluded.model,
      dimensions = excluded.dimensions, state = 'pending', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0,
      created_at = excluded.created_at, updated_at = excluded.updated_at;
END;
--> statement-breakpoint
CREATE TRIGGER source_passages_vectors_update AFTER UPDATE OF text ON source_passages WHEN old.text IS NOT new.text BEGIN
  UPDATE vectors SET state = 'pending', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
    WHERE id = new.id;
END;
--> statement-breakpoint
CREATE TRIGGER source_passages_vectors_delete AFTER DELETE ON source_passages BEGIN
  UPDATE vectors SET state = 'deleted', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
    WHERE id = old.id;
END;
--> statement-breakpoint
INSERT INTO vectors (id, organization_id, kind, namespace, model, dimensions, state, due_at, created_at, updated_at)
  SELECT p.id, p.organization_id, 'source_passage', p.source_id, coalesce(o.embedding, o.embedding_config ->> 'handle'), CAST(o.embedding_config ->> 'embedding_dim' AS INTEGER), 'pending', 0, p.created_at, CAST(unixepoch('subsec') * 1000 AS INTEGER)
  FROM source_passages p JOIN sources o ON o.id = p.source_id WHERE coalesce(o.embedding, o.embedding_config ->> 'handle') IS NOT NULL;
--> statement-breakpoint
CREATE TRIGGER messages_vectors_delete AFTER DELETE ON messages BEGIN
  UPDATE vectors SET state = 'deleted', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
    WHERE id = old.id;
END;
--> statement-breakpoint
CREATE TRIGGER tools_vectors_delete AFTER DELETE ON tools BEGIN
  UPDATE vectors SET state = 'deleted', version = version + 1, vector = NULL, content_hash = NULL, attempts = 0, error = NULL, due_at = 0, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
    WHERE id = old.id;
END;
