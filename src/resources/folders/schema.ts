import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryFlag, queryText } from '../../lib/query'

const text = () => z.string().nullable()
const object = z.record(z.string(), z.unknown())
const name = z
  .string()
  .min(1)
  .max(255)
  .refine((value) => value.trim() !== '' && !/\p{Cc}/u.test(value), { error: 'must hold more than spaces, and no control characters' })
  .meta({ description: 'Unique in the organization.', example: 'handbook' })

/** A folder: a named collection of files. */
export const Folder = z
  .object({
    id: z.string(),
    name: z.string(),
    description: text().describe('What the folder is about; agents that have it read this.'),
    instructions: text().describe('How to use the folder; agents that have it read this.'),
    metadata: object.nullable(),
    embedding_config: object,
    organization_id: z.string(),
    created_by_id: text(),
    last_updated_by_id: text(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'Folder' })
export type Folder = z.output<typeof Folder>

/** The older form of a folder. */
export const Source = Folder.extend({ vector_db_provider: z.string() }).meta({ id: 'Source' })
export type Source = z.output<typeof Source>

const fields = {
  description: z.string().max(10_000).nullish(),
  instructions: z.string().max(10_000).nullish(),
  metadata: object.nullish(),
  embedding_config: object.nullish(),
}

export const FolderCreate = z
  .object({
    name,
    ...fields,
    embedding: z.string().max(255).nullish().describe('Handle of an embedding model.'),
    embedding_chunk_size: z
      .int()
      .min(1)
      .nullish()
      .describe(
        'Tokens, about, that a passage of its files has at most: when it is left out what suits the embedding model, 300 or 100 for the built-in one; at least 32, at most 4000.',
      ),
  })
  .meta({ id: 'FolderCreate' })
export type FolderCreate = z.output<typeof FolderCreate>

/** Fields that are left out or null stay as they are. */
export const FolderUpdate = z.object({ name: name.nullish(), ...fields }).meta({ id: 'FolderUpdate' })
export type FolderUpdate = z.output<typeof FolderUpdate>

export const FolderFilters = z.object({ name: queryText('Only the folder with this name.') })
export type FolderFilters = z.output<typeof FolderFilters>
export const FolderQuery = pageQuery({ order: 'asc' }).extend(FolderFilters.shape)
export const FolderPageQuery = pageQuery()
export const AgentFolderQuery = pageQuery({ limit: 100 })
export const StatsQuery = z.object({ include_detailed_per_source_metadata: queryFlag('List every folder with its files too.') })

const FileStats = z.object({ file_id: z.string(), file_name: text(), file_size: z.int().nullable() }).meta({ id: 'FileStats' })
const SourceStats = z
  .object({ source_id: z.string(), source_name: z.string(), file_count: z.int(), total_size: z.int(), files: z.array(FileStats) })
  .meta({ id: 'SourceStats' })

/** What an organization has in its folders. */
export const FolderStats = z
  .object({ total_sources: z.int(), total_files: z.int(), total_size: z.int().describe('Bytes.'), sources: z.array(SourceStats) })
  .meta({ id: 'OrganizationSourcesStats' })
export type FolderStats = z.output<typeof FolderStats>
