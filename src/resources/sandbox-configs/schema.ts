import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { sandboxTypes } from './table'

const text = () => z.string().nullable()
const audited = {
  organization_id: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  created_by_id: text(),
  last_updated_by_id: text(),
}

/** How a kind of sandbox is set up. */
export const SandboxConfig = z
  .object({ id: z.string(), type: z.enum(sandboxTypes), config: z.record(z.string(), z.unknown()), ...audited })
  .meta({ id: 'SandboxConfig' })
export type SandboxConfig = z.output<typeof SandboxConfig>

/** An environment variable of a sandbox. Its value is stored encrypted and never sent. */
export const SandboxVariable = z
  .object({
    id: z.string(),
    sandbox_config_id: z.string(),
    key: z.string(),
    value: z.literal('').describe('Always empty.'),
    value_enc: z.null(),
    description: text(),
    ...audited,
  })
  .meta({ id: 'SandboxEnvironmentVariable' })
export type SandboxVariable = z.output<typeof SandboxVariable>

const requirement = z.object({ name: z.string().min(1), version: z.string().nullish() })
const timeout = z.int().min(1).max(86_400)

/** Fields of the kinds of sandbox: what is left out gets its default. */
export const configSchemas = {
  local: z.looseObject({
    sandbox_dir: z.string().nullable().default(null),
    use_venv: z.boolean().default(false),
    venv_name: z.string().default('venv'),
    pip_requirements: z.array(requirement).nullable().default([]),
  }),
  e2b: z.looseObject({
    timeout: timeout.default(300),
    template: z.string().nullable().default(null),
    pip_requirements: z.array(z.string()).nullable().default(null),
  }),
  modal: z.looseObject({
    timeout: timeout.default(60),
    pip_requirements: z.array(z.string()).nullable().default(null),
    npm_requirements: z.array(z.string()).nullable().default(null),
    language: z.enum(['python', 'typescript']).default('python'),
  }),
} as const

const config = z
  .record(z.string(), z.unknown())
  .describe(
    'Fields of one kind of sandbox, which they tell: `use_venv`, `sandbox_dir` or `venv_name` mean local, `template` e2b, `language` modal.',
  )
const type = z.enum(sandboxTypes).nullish().describe('Kind of sandbox, where the fields do not tell it.')

export const SandboxConfigCreate = z.object({ config, type }).meta({ id: 'SandboxConfigCreate', example: { config: { use_venv: false } } })
export const SandboxConfigUpdate = z.object({ config: config.nullish() }).meta({ id: 'SandboxConfigUpdate' })

export const LocalSandboxConfig = z
  .object({
    sandbox_dir: z.string().nullish(),
    use_venv: z.boolean().nullish(),
    venv_name: z.string().nullish(),
    pip_requirements: z.array(requirement).nullish(),
  })
  .meta({ id: 'LocalSandboxConfig' })

const key = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}$/, 'must be the name of an environment variable: letters, digits and _')
  .meta({ example: 'API_KEY' })
const value = z.string().max(100_000).describe('Stored encrypted and never sent back.')
const description = z.string().max(10_000).nullish()

export const VariableCreate = z.object({ key, value, description }).meta({ id: 'SandboxEnvironmentVariableCreate' })

/** Fields that are left out or null stay as they are. */
export const VariableUpdate = z
  .object({ key: key.nullish(), value: value.nullish(), description })
  .meta({ id: 'SandboxEnvironmentVariableUpdate' })

export const SandboxConfigQuery = pageQuery().extend({
  sandbox_type: blankAsAbsent(z.enum(sandboxTypes).optional()).describe('Only the configuration of this kind of sandbox.'),
})
export const VariableQuery = pageQuery()
