import type { Ctx } from '../../context'

export const storageUnits = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** The text and the vectors of all passages of the organization, those of files too, in a unit of 1024ⁿ bytes. */
export async function storageSize(ctx: Ctx, unit: (typeof storageUnits)[number]): Promise<number> {
  const size = (table: string) =>
    `select coalesce(sum(octet_length(text)), 0) as bytes from ${table} where organization_id = ?1 and is_deleted = 0`
  const vectors = `select coalesce(sum(4 * dimensions), 0) as bytes from vectors
    where organization_id = ?1 and content_hash is not null and kind in ('passage', 'source_passage')`
  const { results } = await ctx.env.DB.prepare(`${size('archival_passages')} union all ${size('source_passages')} union all ${vectors}`)
    .bind(ctx.actor.organization_id)
    .all<{ bytes: number }>()
  return results.reduce((sum, { bytes }) => sum + bytes, 0) / 1024 ** storageUnits.indexOf(unit)
}
