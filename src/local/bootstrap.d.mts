interface RunOptions {
  env?: Record<string, string | undefined>
}

/** Folder of the repository. */
export const root: string
/** Environment of every program that is started here. */
export function toolEnv(): Record<string, string | undefined>
/** Runs a command-line tool of `node_modules` with this terminal and resolves with its exit code. */
export function runTool(name: string, args: string[], options?: RunOptions): Promise<number>
