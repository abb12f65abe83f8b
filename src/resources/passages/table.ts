import { index, integer, sqliteTable, text, unique, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { audit, id, type Json, json, jsonChecks } from '../../db/columns'
import { archives } from '../archives/table'
import { files } from '../files/table'
import { folders } from '../folders/table'
import { organizations } from '../organizations/table'

/** Passages of archives (seeds 000 and 001): what agents store for good. Their search index is in a hand-written migration. */
export const archivalPassages = sqliteTable(
  'archival_passages',
  {
    id: id('passage'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    archive_id: text()
      .notNull()
      .references(() => archives.id, { onDelete: 'cascade' }),
    text: text().notNull(),
    embedding_config: json<Json>(),
    metadata: json<Json>('metadata_').notNull().default({}),
    tags: json<string[]>().notNull().default([]),
    ...audit(),
  },
  (t) => [
    index('archival_passages_created_at_id_idx').on(t.created_at, t.id),
    index('ix_archival_passages_archive_id').on(t.archive_id),
    index('ix_archival_passages_org_archive').on(t.organization_id, t.archive_id),
    index('ix_archival_passages_archive_created').on(t.archive_id, t.created_at, t.id),
    index('ix_archival_passages_organization_created').on(t.organization_id, t.created_at, t.id),
    ...jsonChecks('archival_passages', t),
  ],
)

/** Tags of archival passages, one row a tag, for filters. `archival_passages.tags` keeps their order. */
export const passageTags = sqliteTable(
  'passage_tags',
  {
    id: id('passageTag'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    passage_id: text()
      .notNull()
      .references(() => archivalPassages.id, { onDelete: 'cascade' }),
    archive_id: text()
      .notNull()
      .references(() => archives.id, { onDelete: 'cascade' }),
    tag: text().notNull(),
    ...audit(),
  },
  (t) => [
    unique('uq_passage_tag').on(t.passage_id, t.tag),
    index('ix_passage_tags_org_archive').on(t.organization_id, t.archive_id),
    index('ix_passage_tags_archive_id').on(t.archive_id),
    index('ix_passage_tags_tag').on(t.tag),
  ],
)

/** Passages of files (seed 001), in the order of the file: `position` counts from 0. */
export const sourcePassages = sqliteTable(
  'source_passages',
  {
    id: id('passage'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    source_id: text()
      .notNull()
      .references(() => folders.id, { onDelete: 'cascade' }),
    file_id: text()
      .notNull()
      .references(() => files.id, { onDelete: 'cascade' }),
    file_name: text().notNull(),
    position: integer().notNull().default(0),
    text: text().notNull(),
    embedding_config: json<Json>(),
    metadata: json<Json>('metadata_').notNull().default({}),
    tags: json<string[]>().notNull().default([]),
    ...audit(),
  },
  (t) => [
    index('source_passages_created_at_id_idx').on(t.created_at, t.id),
    uniqueIndex('source_passages_file_id_idx').on(t.file_id, t.position),
    index('source_passages_org_idx').on(t.organization_id),
    index('ix_source_passages_source_created').on(t.source_id, t.created_at, t.id),
    ...jsonChecks('source_passages', t),
  ],
)
