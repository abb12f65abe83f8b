const chunk = 20_000
const shift = 100_000

/** An expression that makes an id with the prefix of the column's own, the same for the same `n` wherever it is used. */
const idOf = (column: string, n: string) => `substr(${column}, 1, length(${column}) - 12) || printf('%012x', ${n} + ${shift})`

/** Column names of a table, in order. */
async function columnsOf(db: D1Database, table: string): Promise<string[]> {
  const { results } = await db.prepare('select name from pragma_table_info(?)').bind(table).all<{ name: string }>()
  return results.map(({ name }) => name)
}

interface Copy {
  table: string
  /** Which rows are copied. */
  where: string
  /** Expressions over the row `t` and the number `n.i` of the copy; other columns are taken as they are. */
  changed: Record<string, string>
}

/** Copies rows once for every number from 1 to `total` (exclusive), in bounded statements. */
async function copy(db: D1Database, { table, where, changed }: Copy, total: number): Promise<void> {
  const names = await columnsOf(db, table)
  const list = names.map((name) => `"${name}"`).join(', ')
  const values = names.map((name) => changed[name] ?? `t."${name}"`).join(', ')
  for (let first = 1; first < total; first += chunk) {
    await db
      .prepare(
        `insert into "${table}" (${list}) with recursive n(i) as (select ?1 union all select i + 1 from n where i < ?2)
         select ${values} from n, "${table}" t where ${where}`,
      )
      .bind(first, Math.min(first + chunk, total) - 1)
      .run()
  }
}

/**
 * Fills a database with copies of one agent, its block, tags and last message, straight in SQL, so that every index and trigger has its
 * work: `agents` of them, `perAgent` messages each, with times that follow one another.
 */
export async function copies(db: D1Database, ids: { agent: string; block: string }, agents: number, perAgent: number): Promise<void> {
  const agent = `'${ids.agent}'`
  const block = `'${ids.block}'`
  const age = { created_at: 't.created_at + n.i', updated_at: 't.updated_at + n.i' }
  const each: Copy[] = [
    {
      table: 'agents',
      where: `t.id = ${agent}`,
      changed: { ...age, id: idOf('t.id', 'n.i'), name: `'agent-' || n.i`, last_run_completion: 't.last_run_completion + n.i' },
    },
    { table: 'agents_tags', where: `t.agent_id = ${agent} and t.tag = 'all'`, changed: { agent_id: idOf('t.agent_id', 'n.i') } },
    {
      table: 'agents_tags',
      where: `t.agent_id = ${agent} and t.tag = 'team-0'`,
      changed: { agent_id: idOf('t.agent_id', 'n.i'), tag: `'team-' || (n.i % 100)` },
    },
    { table: 'tools_agents', where: `t.agent_id = ${agent}`, changed: { agent_id: idOf('t.agent_id', 'n.i') } },
    {
      table: 'block',
      where: `t.id = ${block}`,
      changed: { ...age, id: idOf('t.id', 'n.i'), current_history_entry_id: 'null' },
    },
    { table: 'blocks_tags', where: `t.block_id = ${block} and t.tag = 'all'`, changed: { block_id: idOf('t.block_id', 'n.i') } },
    {
      table: 'blocks_agents',
      where: `t.agent_id = ${agent}`,
      changed: { agent_id: idOf('t.agent_id', 'n.i'), block_id: idOf('t.block_id', 'n.i') },
    },
  ]
  for (const one of each) await copy(db, one, agents)
  const n = `(n.i / ${perAgent})`
  await copy(
    db,
    {
      table: 'messages',
      where: `t.id = (select id from messages where agent_id = ${agent} and role = 'user' limit 1)`,
      changed: {
        ...age,
        id: idOf('t.id', 'n.i'),
        agent_id: `case when n.i < ${perAgent} then t.agent_id else ${idOf('t.agent_id', n)} end`,
        sequence_id: `n.i % ${perAgent} + 100`,
        otid: 'null',
        text: `'meeting number ' || n.i`,
      },
    },
    agents * perAgent,
  )
}
