import { sql } from 'drizzle-orm'
import { check, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { organizations } from '../organizations/table'

/** What can be found by meaning: passages of archives, passages of files, messages and tools. */
export const vectorKinds = ['passage', 'source_passage', 'message', 'tool'] as const
export type VectorKind = (typeof vectorKinds)[number]

/**
 * How far a vector got: `pending` has none yet, `embedded` has one that the index lacks, `submitted` is on its way into the index,
 * `indexed` can be found there. `failed` was refused by the model for good. `deleted` is still to be taken out of the index.
 */
export const vectorStates = ['pending', 'embedded', 'submitted', 'indexed', 'failed', 'deleted'] as const
export type VectorState = (typeof vectorStates)[number]

/**
 * One vector for each thing that can be found by meaning, under that thing's id: the truth of which Vectorize holds a copy, and the outbox
 * that brings the copy up to date. Rows come and go by triggers of the tables that they follow.
 *
 * `version` grows with every change of the text or the model: whoever worked on an older one writes nothing. `vector` is float32 in base64,
 * `dimensions` numbers of 4 bytes, little-endian. `indexed_dimensions` names the index that holds a copy, or may. `due_at` is when there is
 * something to do, null when nothing is. Times are epoch milliseconds.
 */
export const vectors = sqliteTable(
  'vectors',
  {
    id: text().primaryKey(),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    kind: text({ enum: vectorKinds }).notNull(),
    /** The archive or folder; the organization for messages and tools. */
    namespace: text().notNull(),
    model: text().notNull(),
    dimensions: integer(),
    version: integer().notNull().default(1),
    state: text({ enum: vectorStates }).notNull().default('pending'),
    /** SHA-256 of the embedded text, by which a text that was embedded before is not embedded again. */
    content_hash: text(),
    vector: text(),
    indexed_dimensions: integer(),
    attempts: integer().notNull().default(0),
    error: text(),
    due_at: integer(),
    /** When what it stands for was made. */
    created_at: integer().notNull(),
    updated_at: integer().notNull(),
  },
  (t) => [
    index('ix_vectors_namespace').on(t.namespace, t.kind, t.created_at),
    index('ix_vectors_unindexed').on(t.namespace, t.kind, t.created_at).where(sql`state <> 'indexed'`),
    index('ix_vectors_organization_unindexed').on(t.organization_id, t.kind, t.created_at).where(sql`state <> 'indexed'`),
    index('ix_vectors_due').on(t.organization_id, t.due_at).where(sql`due_at is not null`),
    index('ix_vectors_content').on(t.organization_id, t.content_hash).where(sql`content_hash is not null`),
    check('vectors_state_vector', sql`${t.state} not in ('embedded', 'submitted', 'indexed') or ${t.vector} is not null`),
    check(
      'vectors_vector_dimensions',
      sql`${t.vector} is null or (${t.dimensions} is not null and length(${t.vector}) = (${t.dimensions} * 4 + 2) / 3 * 4)`,
    ),
  ],
)
