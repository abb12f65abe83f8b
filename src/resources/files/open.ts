import type { FileView } from './window'

// Which files an agent has open is decided in D1, in the batch that opens one: its last statement closes what is over the limit.

/** Files that an agent may have open, and how much of each it sees, when the agent does not say. */
export const defaultMaxOpen = 5
export const defaultViewLimit = 50_000
/** Longest view that is stored, whatever an agent says: a row of D1 holds 2 MB. */
export const longestView = 300_000

/** An id that sorts as the file's does: its uuid with other last digits. */
const newFileAgentId = `'file_agent-' || substr(f.id, 6, 24) || lower(hex(randomblob(6)))`

/** Later than every access of the agent `agent` before: two in one millisecond have an order too. */
const nextAccess = (now: string, agent: string) =>
  `max(${now}, coalesce((select max(other.last_accessed_at) + 1 from files_agents other where other.agent_id = ${agent}), 0))`

/**
 * Statement that closes the files that agents have open beyond their limit, the least recently used first, returning their names. `which`
 * selects the agents' ids; its parameters begin at ?2.
 */
export const closeOverLimit = (d1: D1Database, which: string, values: unknown[], now: number): D1PreparedStatement =>
  d1
    .prepare(
      `update files_agents set is_open = 0, visible_content = null, start_line = null, end_line = null, updated_at = ?1 where id in (
        select id from (
          select fa.id, coalesce(a.max_files_open, ${defaultMaxOpen}) as most,
            row_number() over (partition by fa.agent_id order by fa.last_accessed_at desc, fa.id desc) as place
          from files_agents fa join agents a on a.id = fa.agent_id
          where fa.agent_id in (${which}) and fa.is_open = 1 and fa.is_deleted = 0
        ) where place > most
      ) returning file_name`,
    )
    .bind(now, ...values)

/** A file that an agent opens, and what it sees of it. */
export interface Opening extends FileView {
  file_id: string
}

/** Openings in groups that are small enough for one bound parameter each. */
function groups<T extends { content: string }>(openings: T[]): T[][] {
  const found: T[][] = []
  let units = Number.POSITIVE_INFINITY
  for (const opening of openings) {
    if (units + opening.content.length > longestView) {
      found.push([])
      units = 0
    }
    found.at(-1)?.push(opening)
    units += opening.content.length
  }
  return found
}

/**
 * Statements that open files of an agent, the last of them as the one used last, and close what is over its limit: the last statement
 * returns the names of those. Files that the agent does not have are left out.
 */
export const openFiles = (d1: D1Database, agentId: string, openings: Opening[], now: number): D1PreparedStatement[] => [
  ...groups(openings).map((group) =>
    d1
      .prepare(
        `update files_agents set is_open = 1, visible_content = opened.value ->> 'content', start_line = opened.value ->> 'start_line',
            end_line = opened.value ->> 'end_line', last_accessed_at = ${nextAccess('?3', '?1')} + opened.key,
            -- Two views opened in one millisecond differ: the prompt is compiled anew for each.
            updated_at = max(?3, updated_at + 1)
          from json_each(?2) opened
          where agent_id = ?1 and file_id = opened.value ->> 'file_id' and is_deleted = 0`,
      )
      .bind(agentId, JSON.stringify(group), now),
  ),
  closeOverLimit(d1, 'select ?2', [agentId], now),
]

/** Statement that gives an agent, closed, the files of its folders `folderIds` that it does not have. */
export const addFiles = (d1: D1Database, organizationId: string, agentId: string, folderIds: string[], now: number): D1PreparedStatement =>
  d1
    .prepare(
      `insert into files_agents (id, organization_id, file_id, agent_id, source_id, file_name, is_open, last_accessed_at, created_at, updated_at)
        select ${newFileAgentId}, f.organization_id, f.id, ?1, f.source_id, f.file_name, 0, ?4, ?4, ?4
        from sources_agents sa join files f on f.source_id = sa.source_id
        where sa.agent_id = ?1 and sa.source_id in (select value from json_each(?3))
          and +f.organization_id = ?2 and f.is_deleted = 0 and f.processing_status <> 'error'
        on conflict do nothing`,
    )
    .bind(agentId, organizationId, JSON.stringify(folderIds), now)

/**
 * Statement that gives a file which has just been read to the agents of its folder, open. `views` is what an agent sees of it, by the
 * agent's limit; an agent whose limit is not among them gets it closed. Of a file
 * that came without its bytes, with an agent from elsewhere, agents that have it keep what they had. Nothing happens unless the worker has
 * the file.
 */
export const openForFolder = (
  d1: D1Database,
  file: { id: string; attempt: number; object_key: string | null },
  views: { most: number; content: string }[],
  now: number,
): D1PreparedStatement =>
  d1
    .prepare(
      `insert into files_agents
          (id, organization_id, file_id, agent_id, source_id, file_name, is_open, visible_content, last_accessed_at, created_at, updated_at)
        select ${newFileAgentId}, f.organization_id, f.id, sa.agent_id, f.source_id, f.file_name, seen.value is not null,
          seen.value ->> 'content', ${nextAccess('?4', 'sa.agent_id')}, ?4, ?4
        from files f
        join sources_agents sa on sa.source_id = f.source_id
        join agents a on a.id = sa.agent_id and a.is_deleted = 0
        left join json_each(?3) seen on seen.value ->> 'most' = coalesce(a.per_file_view_window_char_limit, ${defaultViewLimit})
        where f.id = ?1 and f.attempt = ?2 and f.processing_status = 'embedding'
        on conflict (file_id, agent_id) where is_deleted = 0 do update set is_open = excluded.is_open,
          visible_content = excluded.visible_content, last_accessed_at = excluded.last_accessed_at, updated_at = excluded.updated_at
          where ?5`,
    )
    .bind(file.id, file.attempt, JSON.stringify(groups(views)[0] ?? []), now, Number(file.object_key !== null))
