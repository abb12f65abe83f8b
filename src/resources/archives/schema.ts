import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { queryText } from '../../lib/query'

const object = () => z.record(z.string(), z.unknown())
const text = () => z.string().nullable()
const name = z.string().min(1).max(500).meta({ description: 'Need not be unique.', example: 'Notes' })
const description = z.string().max(10_000)
const embedding = z
  .string()
  .regex(/^[^/\s]+\/\S/, "must be a handle '<provider>/<model>'")
  .meta({ description: "Handle of an embedding model; the deployment's default unless given.", example: 'openai/text-embedding-3-small' })
const metadata = object().describe('Free-form values kept with the archive.')

/** A named collection of passages, which any number of agents can share. */
export const Archive = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    name: z.string(),
    description: text(),
    vector_db_provider: z.string(),
    embedding: text().describe('Handle of the embedding model.'),
    embedding_config: object().nullable().describe('Null: passages are found by their words alone.'),
    metadata: object(),
    created_at: z.string(),
    updated_at: z.string(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'Archive' })

export const ArchiveCreate = z
  .object({
    name,
    description: description.nullish(),
    embedding: embedding.nullish(),
    embedding_config: object().nullish().describe('The embedding model in full; wins over `embedding`.'),
    metadata: metadata.nullish(),
  })
  .meta({ id: 'ArchiveCreateRequest' })
export type ArchiveCreate = z.output<typeof ArchiveCreate>

/** Fields that are left out or null stay as they are. */
export const ArchiveUpdate = z
  .object({
    name: name.nullish(),
    description: description.nullish(),
    metadata: metadata.nullish(),
    embedding: embedding.nullish().describe('The model that is in use. Another one is refused: see `POST …/reindex`.'),
    embedding_config: object().nullish().describe('The same in full.'),
  })
  .meta({ id: 'ArchiveUpdateRequest' })
export type ArchiveUpdate = z.output<typeof ArchiveUpdate>

const filters = {
  agent_id: queryText('Only the archive of this agent.'),
  name: queryText('Only archives of this name.'),
}
export const ArchiveQuery = pageQuery().extend(filters)
export type ArchiveFilters = z.output<z.ZodObject<typeof filters>>
