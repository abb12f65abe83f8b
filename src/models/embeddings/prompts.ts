import type { EmbeddingUse } from '../../retrieval/ports'
import { bareName } from './known'

type Prompts = [name: RegExp, query: string, document: string]

const passages = 'Represent this sentence for searching relevant passages: '
const webSearch = 'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: '

/** What the cards of the models say stands before what is looked for, and before what is found. Other models take the text alone. */
const prompts: Prompts[] = [
  [/^multilingual-e5-large-instruct/, webSearch, ''],
  [/^(multilingual-)?e5-/, 'query: ', 'passage: '],
  [/^nomic-embed-text/, 'search_query: ', 'search_document: '],
  [/^(embeddinggemma|gemini-embedding-2)/, 'task: search result | query: ', 'title: none | text: '],
  [/^qwen3-embedding/, webSearch.trimEnd(), ''],
  [/^snowflake-arctic-embed(2|-[lm]-v2)/, 'query: ', ''],
  [/^(snowflake-arctic-embed|mxbai-embed-large|bge-(small|base|large)(?!-zh))/, passages, ''],
]

/** What stands before a text, by the model that embeds it and what for. */
export function promptOf(name: string, use: EmbeddingUse): string {
  const bare = bareName(name)
  const found = prompts.find(([family]) => family.test(bare))
  return found?.[use === 'query' ? 1 : 2] ?? ''
}
