import type { VectorKind } from './table'

/** Longest text that is embedded, in UTF-16 units; models read less. */
const textMost = 32_000

interface Source {
  table: string
  /** SQL of the text that is embedded, of the row `x`. */
  text: string
  /** SQL of the values by which the index can filter, of the row `x`; every one has a metadata index. */
  metadata: string
}

/** Where the text of each kind is. */
export const sources: Record<VectorKind, Source> = {
  passage: { table: 'archival_passages', text: 'x.text', metadata: `'created_at', x.created_at` },
  source_passage: {
    table: 'source_passages',
    // What a part of a file is about often stands only in the headings or the columns above it.
    text: `coalesce(x.metadata_ ->> 'heading' || char(10), '') || coalesce(x.metadata_ ->> 'columns' || char(10), '') || x.text`,
    metadata: `'created_at', x.created_at`,
  },
  message: {
    table: 'messages',
    text: 'x.text',
    metadata: `'created_at', x.created_at, 'agent_id', x.agent_id, 'conversation_id', coalesce(x.conversation_id, 'default'), 'role', x.role`,
  },
  tool: {
    table: 'tools',
    text: `x.name || char(10) || coalesce(x.description || char(10), '') || (select coalesce(group_concat(value, ', '), '') from json_each(x.tags))`,
    metadata: `'created_at', x.created_at`,
  },
}

const each = (sql: (kind: VectorKind, source: Source) => string): string =>
  `case v.kind ${(Object.entries(sources) as [VectorKind, Source][])
    .map(([kind, source]) => `when '${kind}' then (select ${sql(kind, source)} from ${source.table} x where x.id = v.id)`)
    .join(' ')} end`

/** SQL of the text of whatever the row `v` of `vectors` stands for; null when it is gone. */
export const textOfVector = each((_kind, { text }) => `substr(${text}, 1, ${textMost})`)

/** SQL of the metadata that goes into the index with the vector of the row `v`, as JSON; null when what it stands for is gone. */
export const metadataOfVector = each(
  (kind, { metadata }) => `json_object('organization_id', v.organization_id, 'kind', '${kind}', 'version', v.version, ${metadata})`,
)
