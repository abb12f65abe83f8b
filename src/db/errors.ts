import { AppError } from '../lib/errors'

export type ConstraintKind = 'unique' | 'foreign_key' | 'check' | 'not_null' | 'trigger'

const tokens: Record<string, ConstraintKind> = {
  SQLITE_CONSTRAINT_UNIQUE: 'unique',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'foreign_key',
  SQLITE_CONSTRAINT_CHECK: 'check',
  SQLITE_CONSTRAINT_NOTNULL: 'not_null',
  SQLITE_CONSTRAINT_TRIGGER: 'trigger',
}

/** The constraint that a D1 error broke and the text that names it, or null. Drizzle keeps the D1 error as `cause`. */
export function brokenConstraint(error: unknown): { kind: ConstraintKind; text: string } | null {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    const found = Object.entries(tokens).find(([token]) => (e as Error).message.includes(token))
    if (found) return { kind: found[1], text: e.message }
  }
  return null
}

/** Runs database work; a broken constraint becomes a 409 (or what `explain` makes of it), anything else is thrown as it is. */
export async function explained<T>(
  work: () => Promise<T>,
  explain: (broken: { kind: ConstraintKind; text: string }) => AppError | undefined = () => undefined,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const broken = brokenConstraint(error)
    if (!broken) throw error
    throw (
      explain(broken) ??
      new AppError(
        'conflict',
        `The change conflicts with another row (${broken.kind.replace('_', ' ')} constraint). Read the current state and try again.`,
      )
    )
  }
}
