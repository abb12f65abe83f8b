import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { alive, audit, flag, id, instant } from '../../db/columns'
import { agents } from '../agents/table'
import { folders } from '../folders/table'
import { organizations } from '../organizations/table'

/** What happens to an uploaded file, in order; `error` may follow any state but `completed`. */
export const processingStates = ['pending', 'parsing', 'embedding', 'completed', 'error'] as const
export type ProcessingState = (typeof processingStates)[number]

/**
 * Files (seed 001). The uploaded bytes are in R2 under `object_key`. `attempt` grows each time that processing begins, so that of two
 * workers only the one that took the file last can move it on.
 */
export const files = sqliteTable(
  'files',
  {
    id: id('file'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    source_id: text()
      .notNull()
      .references(() => folders.id, { onDelete: 'cascade' }),
    file_name: text(),
    original_file_name: text(),
    file_path: text(),
    file_type: text(),
    file_size: integer(),
    file_creation_date: text(),
    file_last_modified_date: text(),
    processing_status: text({ enum: processingStates }).notNull().default('pending').$type<ProcessingState>(),
    error_message: text(),
    total_chunks: integer(),
    chunks_embedded: integer(),
    object_key: text(),
    content_hash: text(),
    attempt: integer().notNull().default(0),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uix_files_source_name').on(t.source_id, t.file_name).where(alive),
    index('ix_files_org_created').on(t.organization_id, t.created_at, t.id),
    index('ix_files_source_created').on(t.source_id, t.created_at, t.id),
    index('ix_files_processing_status').on(t.processing_status, t.updated_at),
  ],
)

/** The text of a file, one row a file. Longer texts than a row holds are in R2 under `object_key`, and `text` is empty. */
export const fileContents = sqliteTable(
  'file_contents',
  {
    id: id('fileContent'),
    file_id: text()
      .notNull()
      .references(() => files.id, { onDelete: 'cascade' }),
    text: text().notNull(),
    object_key: text(),
    /** How many lines the text has. */
    lines: integer(),
    ...audit(),
  },
  (t) => [uniqueIndex('uq_file_contents_file_id').on(t.file_id)],
)

/**
 * Objects in R2 that no row of `files` owns: those being uploaded, and those whose file was deleted. What is still here when it is due is
 * deleted, so that a crash at any instant leaves neither a file without its bytes nor bytes that nobody would ever delete.
 */
export const unownedObjects = sqliteTable(
  'unowned_objects',
  {
    object_key: text().primaryKey(),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    due_at: instant().notNull(),
  },
  (t) => [index('ix_unowned_objects_due_at').on(t.due_at)],
)

/** A file as one agent has it: open or closed, and which lines it sees. */
export const filesAgents = sqliteTable(
  'files_agents',
  {
    id: id('fileAgent'),
    organization_id: text()
      .notNull()
      .references(() => organizations.id),
    file_id: text()
      .notNull()
      .references(() => files.id, { onDelete: 'cascade' }),
    agent_id: text()
      .notNull()
      .references(() => agents.id, { onDelete: 'cascade' }),
    source_id: text()
      .notNull()
      .references(() => folders.id, { onDelete: 'cascade' }),
    file_name: text().notNull(),
    is_open: flag().notNull().default(true),
    visible_content: text(),
    last_accessed_at: instant()
      .notNull()
      .$defaultFn(() => new Date().toISOString()),
    start_line: integer(),
    end_line: integer(),
    ...audit(),
  },
  (t) => [
    uniqueIndex('uq_agent_filename').on(t.agent_id, t.file_name).where(alive),
    uniqueIndex('uq_file_agent').on(t.file_id, t.agent_id).where(alive),
    index('ix_files_agents_agent_created').on(t.agent_id, t.created_at, t.id),
    index('ix_files_agents_agent_accessed').on(t.agent_id, t.is_open, t.last_accessed_at),
    index('ix_files_agents_source_id').on(t.source_id),
  ],
)
