/** `on conflict` of a row that is there already: it is owed anew. */
const anew = `on conflict (id) do update set model = excluded.model, dimensions = excluded.dimensions, state = 'pending', version = version + 1,
  vector = null, content_hash = null, attempts = 0, error = null, due_at = 0, created_at = excluded.created_at, updated_at = excluded.updated_at`

const columns = 'id, organization_id, kind, namespace, model, state, due_at, created_at, updated_at'

/** Notes the tools of an organization that have no vector of their present text by this model. Their vectors are kept here alone. */
export async function oweTools(d1: D1Database, organization_id: string, model: string): Promise<void> {
  await d1
    .prepare(
      `insert into vectors (${columns})
        select id, organization_id, 'tool', organization_id, ?2, 'pending', 0, updated_at, ?3 from tools
        where organization_id = ?1 and is_deleted = 0
          and not exists (select 1 from vectors v where v.id = tools.id and v.created_at >= tools.updated_at and v.model = ?2)
        ${anew}`,
    )
    .bind(organization_id, model, Date.now())
    .run()
}

/** Roles whose messages are found by meaning. */
const embeddedRoles = ['user', 'assistant']

/** Statement that notes messages to be embedded, if there are any: those of users and assistants that say something. Messages do not change. */
export function oweMessages(d1: D1Database, given: { id: string; role: string }[], model: string): D1PreparedStatement[] {
  const ids = given.flatMap(({ id, role }) => (embeddedRoles.includes(role) ? id : []))
  if (ids.length === 0) return []
  const note = d1.prepare(
    `insert into vectors (${columns})
      select m.id, m.organization_id, 'message', m.organization_id, ?2, 'pending', 0, m.created_at, ?3
      from json_each(?1) given join messages m on m.id = given.value where m.text is not null
      on conflict do nothing`,
  )
  return [note.bind(JSON.stringify(ids), model, Date.now())]
}
