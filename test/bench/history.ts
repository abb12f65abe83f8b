const chunk = 5_000

/**
 * Fills an agent's history up to `total` messages straight in the database: copies of one of its own messages under new ids,
 * sequence ids and times, so that every index and trigger has its work.
 */
export async function fillHistory(db: D1Database, agentId: string, total: number): Promise<void> {
  const { results: columns } = await db.prepare('select name from pragma_table_info(?)').bind('messages').all<{ name: string }>()
  const template = await db
    .prepare(
      'select id, (select max(sequence_id) from messages where agent_id = ?1) as last from messages where agent_id = ?1 and role = ? limit 1',
    )
    .bind(agentId, 'user')
    .first<{ id: string; last: number }>()
  if (!template) throw new Error(`agent ${agentId} has no user message to copy`)
  const changed: Record<string, string> = {
    id: `'message-' || lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-7' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))`,
    sequence_id: 'n.i',
    created_at: 't.created_at + n.i',
    otid: 'null',
  }
  const names = columns.map(({ name }) => name)
  const values = names.map((name) => changed[name] ?? `t.${name}`)
  for (let first = template.last + 1; first <= total; first += chunk) {
    await db
      .prepare(
        `insert into messages (${names.join(', ')})
         with recursive n(i) as (select ?1 union all select i + 1 from n where i < ?2)
         select ${values.join(', ')} from n, messages t where t.id = ?3`,
      )
      .bind(first, Math.min(first + chunk - 1, total), template.id)
      .run()
  }
}
