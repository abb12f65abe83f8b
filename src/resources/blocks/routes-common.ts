import { z } from '@hono/zod-openapi'
import { json } from '../../http/crud'
import { etagOf } from '../../http/etag'
import { Block } from './schema'
import type { BlockRow } from './write'

/** `If-Match` of a write. */
export const ifMatch = z.object({
  'if-match': z.string().optional().meta({ description: 'ETag of the version the change is meant for; stale: 412.' }),
})

/** A response with one block, and its ETag. */
export const oneBlock = (description: string) => ({
  ...json(Block, description),
  headers: z.object({ etag: z.string().meta({ description: 'Names the version; send it back as `If-Match`.' }) }),
})

/** What a response with one block is made of: `c.json(...sendBlock(row))`. */
export const sendBlock = (row: BlockRow) => [Block.parse(row), 200, { etag: etagOf(row) }] as const
