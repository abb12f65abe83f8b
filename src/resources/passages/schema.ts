import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { isoText, queryFlag, queryList, queryText } from '../../lib/query'
import { zonedInstant } from '../../lib/time'
import { SearchMode } from '../indexes/schema'
import { textMax } from './insert'

const text = () => z.string().nullable()
const object = () => z.record(z.string(), z.unknown())
const tag = z.string().min(1).max(255)

/** A text in an archive. The fields of files are null. */
export const Passage = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    archive_id: text(),
    source_id: text(),
    file_id: text(),
    file_name: text(),
    text: z.string(),
    embedding: z.array(z.number()).nullable().describe('Never sent.'),
    embedding_config: object().nullable(),
    metadata: object(),
    tags: z.array(z.string()),
    is_deleted: z.boolean(),
    created_at: z.string(),
    updated_at: z.string(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'Passage' })
export type Passage = z.output<typeof Passage>

export const PassageCreate = z
  .object({
    text: z.string().min(1).max(textMax).describe('What to remember. It is stored as one passage.'),
    tags: z.array(tag).max(100).nullish().describe('Each once, in this order.'),
    metadata: object().nullish().describe('Free-form values kept with the passage.'),
    created_at: isoText('When it came to be; now unless given.').nullish(),
  })
  .meta({ id: 'PassageCreateRequest' })
export type PassageCreate = z.output<typeof PassageCreate>

/** Fields that are left out or null stay as they are. */
export const PassageUpdate = PassageCreate.omit({ created_at: true, text: true })
  .extend({ text: PassageCreate.shape.text.nullish().describe('What takes the place of the text. It is found at once.') })
  .meta({ id: 'PassageUpdateRequest' })
export type PassageUpdate = z.output<typeof PassageUpdate>

export const PassageBatch = z
  .object({ passages: z.array(PassageCreate).max(1000).describe('At most 1000. Either all of them are stored or none.') })
  .meta({ id: 'PassageBatchCreateRequest' })

const ascending = queryFlag('Oldest first; on unless false. The same as `order`, and wins over it.')
export const AgentPassageQuery = pageQuery({ limit: 100, order: 'asc' }).extend({
  ascending,
  search: queryText('Only passages that contain this text.'),
})

const tagMatchMode = z.enum(['any', 'all']).describe('Whether a passage needs any of the tags, or all.')
/** A date or datetime in the agent's time zone, or an instant. */
const localText = (description: string) =>
  blankAsAbsent(
    z
      .string()
      .refine((value) => !Number.isNaN(zonedInstant(value, 'UTC', 'start')), 'must be an ISO-8601 date or instant')
      .optional(),
  ).describe(`${description} Without an offset it is local to the agent.`)

export const AgentPassageSearch = z.object({
  query: z.string().max(10_000).describe('What to look for, by words and by meaning. Empty: nothing is found.'),
  tags: queryList(z.string(), 'Only passages with these tags.'),
  tag_match_mode: blankAsAbsent(tagMatchMode.default('any')),
  top_k: blankAsAbsent(z.coerce.number().int().min(1).max(100).default(5)).describe('Most results.'),
  start_datetime: localText('Only passages from this date or datetime on.'),
  end_datetime: localText('Only passages up to this date (its whole day) or datetime.'),
})
export type AgentPassageSearch = z.output<typeof AgentPassageSearch>

export const ArchivalMemorySearch = z
  .object({
    results: z.array(
      z.object({
        id: z.string(),
        timestamp: z.string().describe('When the passage came to be, in the time zone of the agent.'),
        content: z.string(),
        tags: z.array(z.string()),
      }),
    ),
    count: z.int(),
  })
  .meta({ id: 'ArchivalMemorySearchResponse' })
export type ArchivalMemorySearch = z.output<typeof ArchivalMemorySearch>

export const PassageSearch = z
  .object({
    query: z
      .string()
      .max(10_000)
      .nullish()
      .describe('What to look for: words, "phrases in quotes", beginnings of words (`migrat*`). Without a query: the newest passages.'),
    search_mode: SearchMode.default('hybrid'),
    agent_id: z.string().nullish().describe('Only the archive of this agent. Wins over `archive_id`.'),
    archive_id: z.string().nullish().describe('Only this archive. All archives of the organization when neither is given.'),
    folder_id: z
      .string()
      .nullish()
      .describe('The files of this folder instead of archives. Needs a query, and takes neither tags nor one of the other two.'),
    tags: z.array(z.string()).nullish().describe('Only passages with these tags.'),
    tag_match_mode: tagMatchMode.default('any'),
    start_date: isoText('Only passages from this date or instant on.').nullish(),
    end_date: isoText('Only passages up to this date (its whole day) or instant.').nullish(),
    limit: z.int().min(1).max(100).default(50),
  })
  .meta({ id: 'PassageSearchRequest' })
export type PassageSearch = z.output<typeof PassageSearch>

export const PassageSearchHit = z
  .object({
    passage: Passage,
    score: z
      .number()
      .describe(
        'Reciprocal rank fusion: 1 / (60 + place) by words, times the share of the query that is held, and half of 1 / (60 + place) by meaning; in full where only one of the two searched. 0 without a query.',
      ),
    metadata: object().describe(
      'How the passage was found: `search_mode`, `fts_rank` and `vector_rank`, null where it is not in that ranking.',
    ),
  })
  .meta({ id: 'PassageSearchResult' })
export type PassageSearchHit = z.output<typeof PassageSearchHit>
