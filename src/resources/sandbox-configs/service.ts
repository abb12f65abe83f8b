import { and, eq, sql } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { repository } from '../../db/repository'
import { insertRows, type Row } from '../../db/rows'
import { AppError, notFound } from '../../lib/errors'
import { newId } from '../../lib/id'
import { sealed } from '../../lib/vault'
import {
  configSchemas,
  type SandboxConfigQuery,
  type SandboxVariable,
  type VariableCreate,
  type VariableQuery,
  type VariableUpdate,
} from './schema'
import { sandboxConfigs, sandboxEnvironmentVariables, type sandboxTypes } from './table'

type ConfigRow = Row<typeof sandboxConfigs>
type VariableRow = Row<typeof sandboxEnvironmentVariables>
type Kind = (typeof sandboxTypes)[number]
type Fields = Record<string, unknown>

const configRows = repository(sandboxConfigs, 'Sandbox configuration')
const variableRows = repository(sandboxEnvironmentVariables, 'Environment variable')

const telling: Record<Kind, readonly string[]> = {
  local: ['use_venv', 'sandbox_dir', 'venv_name'],
  e2b: ['template'],
  modal: ['language', 'npm_requirements'],
}

/** The kind of sandbox that fields belong to: `timeout` alone means e2b, no telling field local. */
export function kindOf(config: Fields): Kind {
  const told = (Object.keys(telling) as Kind[]).find((kind) => telling[kind].some((field) => field in config))
  return told ?? ('timeout' in config ? 'e2b' : 'local')
}

/** The fields of a kind of sandbox with their defaults. Throws 422 naming the field that is wrong. */
function completed(kind: Kind, config: Fields): Fields {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null && value !== undefined))
  const result = configSchemas[kind].safeParse(given)
  if (result.success) return result.data
  const errors = result.error.issues.map((issue) => ({ field: ['config', ...issue.path].join('.'), message: issue.message }))
  throw new AppError('invalid', errors.map((error) => `${error.field}: ${error.message}`).join('; '), { errors })
}

const shown = ({ value_enc: _, is_deleted: _d, ...row }: VariableRow): SandboxVariable => ({ ...row, value: '', value_enc: null })

const ofKind = async (ctx: Ctx, kind: Kind): Promise<ConfigRow | undefined> =>
  (
    await ctx.db
      .select()
      .from(sandboxConfigs)
      .where(configRows.owned(ctx, eq(sandboxConfigs.type, kind)))
      .limit(1)
  )[0]

/** The configuration of a kind of sandbox, stored with `config` unless there is one; `replace` puts `config` in its place. */
async function ensure(ctx: Ctx, kind: Kind, config: Fields, replace: boolean): Promise<ConfigRow> {
  const { organization_id, user_id } = ctx.actor
  const values = completed(kind, config)
  const row = { id: newId('sandbox'), organization_id, type: kind, config: values, created_by_id: user_id, last_updated_by_id: user_id }
  // The name of the conflict is that of a partial index, so its condition is told too.
  const target = 'on conflict (type, organization_id) where is_deleted = 0 do'
  const conflict = replace
    ? `${target} update set config = excluded.config, updated_at = excluded.updated_at, last_updated_by_id = excluded.last_updated_by_id`
    : `${target} nothing`
  await insertRows(ctx.env.DB, sandboxConfigs, [row], conflict).run()
  const stored = await ofKind(ctx, kind)
  if (!stored) throw notFound('Sandbox configuration')
  return stored
}

const taken = (key: string) =>
  new AppError('conflict', `The sandbox has an environment variable '${key}' already. Change it, or choose another key.`, {
    code: 'name_taken',
  })

/** How sandboxes are set up: at most one configuration a kind. */
export const sandboxConfigService = {
  list: (ctx: Ctx, query: z.output<typeof SandboxConfigQuery>): Promise<ConfigRow[]> =>
    // The `+` keeps the index that has the order.
    configRows.list(ctx, query, query.sandbox_type && sql`+${sandboxConfigs.type} = ${query.sandbox_type}`),

  /** Stores a configuration in place of the one of its kind, which keeps its id and its variables. */
  create: (ctx: Ctx, config: Fields, kind: Kind = kindOf(config)): Promise<ConfigRow> => ensure(ctx, kind, config, true),

  /** The configuration of a kind of sandbox; made with defaults unless there is one. */
  default: (ctx: Ctx, kind: Kind): Promise<ConfigRow> => ensure(ctx, kind, {}, false),

  async update(ctx: Ctx, id: string, config: Fields | null | undefined): Promise<ConfigRow> {
    const row = await configRows.get(ctx, id)
    if (!config) return row
    const told = kindOf(config)
    if (Object.keys(config).some((field) => telling[told].includes(field)) && told !== row.type)
      throw new AppError(
        'bad_request',
        `config: its fields are those of a sandbox of type '${told}', but '${id}' is of type '${row.type}'.`,
      )
    return configRows.update(ctx, id, { config: completed(row.type, { ...row.config, ...config }) })
  },

  /** Soft delete, with its variables. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    const d1 = ctx.env.DB
    const { organization_id, user_id } = ctx.actor
    const [deleted] = await d1.batch([
      d1
        .prepare(
          `update sandbox_configs set is_deleted = 1, updated_at = ?3, last_updated_by_id = ?4
          where id = ?1 and organization_id = ?2 and is_deleted = 0 returning id`,
        )
        .bind(id, organization_id, Date.now(), user_id),
      d1
        .prepare('delete from sandbox_environment_variables where sandbox_config_id = ?1 and organization_id = ?2')
        .bind(id, organization_id),
    ])
    if (!deleted?.results.length) throw notFound('Sandbox configuration', id)
  },
}

export const sandboxVariableService = {
  async list(ctx: Ctx, configId: string, query: z.output<typeof VariableQuery>): Promise<SandboxVariable[]> {
    await configRows.get(ctx, configId)
    return (await variableRows.list(ctx, query, eq(sandboxEnvironmentVariables.sandbox_config_id, configId))).map(shown)
  },

  /** Stores a variable; one of the same key gets the new value and keeps its id. */
  async create(ctx: Ctx, configId: string, { key, value, description }: z.output<typeof VariableCreate>): Promise<SandboxVariable> {
    await configRows.get(ctx, configId)
    const { organization_id, user_id } = ctx.actor
    const row = {
      ...{ id: newId('sandboxVariable'), organization_id, sandbox_config_id: configId, key, description: description ?? null },
      value_enc: await sealed(ctx.config.ENCRYPTION_KEY, value),
      created_by_id: user_id,
      last_updated_by_id: user_id,
    }
    const set = ['value_enc', 'description', 'updated_at', 'last_updated_by_id'].map((column) => `${column} = excluded.${column}`)
    const conflict = `on conflict (key, sandbox_config_id) where is_deleted = 0 do update set ${set.join(', ')}`
    await insertRows(ctx.env.DB, sandboxEnvironmentVariables, [row], conflict).run()
    const [stored] = await ctx.db
      .select()
      .from(sandboxEnvironmentVariables)
      .where(
        and(variableRows.owned(ctx), eq(sandboxEnvironmentVariables.key, key), eq(sandboxEnvironmentVariables.sandbox_config_id, configId)),
      )
    if (!stored) throw notFound('Environment variable')
    return shown(stored)
  },

  async update(ctx: Ctx, id: string, { key, value, description }: z.output<typeof VariableUpdate>): Promise<SandboxVariable> {
    const row = await variableRows.get(ctx, id)
    const value_enc = value == null ? row.value_enc : await sealed(ctx.config.ENCRYPTION_KEY, value)
    const set = { key: key ?? row.key, value_enc, description: description ?? row.description }
    return shown(
      await explained(
        () => variableRows.update(ctx, id, set),
        ({ kind }) => (kind === 'unique' ? taken(set.key) : undefined),
      ),
    )
  },

  /** The row goes for good: nobody needs an old secret. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    await variableRows.get(ctx, id)
    await ctx.db.delete(sandboxEnvironmentVariables).where(and(variableRows.owned(ctx), eq(sandboxEnvironmentVariables.id, id)))
  },
}
