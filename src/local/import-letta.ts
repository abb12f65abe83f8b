import { type AgentToMove, idsIn, moveAgents, moveGroups, readAgent } from './import-letta/agents.ts'
import { Api, allRows, type Row } from './import-letta/api.ts'
import { moveArchives } from './import-letta/archives.ts'
import { type Move, messageOf, sourceRows } from './import-letta/move.ts'
import { readOptions, UsageError, usage } from './import-letta/options.ts'
import { Progress, Report } from './import-letta/report.ts'
import { State } from './import-letta/state.ts'
import { moveBlocks, moveFolders, moveIdentities, moveTools, type Wanted } from './import-letta/things.ts'

// `npm run import:letta`: moves what a Letta server holds to Loci, through the public APIs of both. It can be cut off and run again.

/** The agents to move, with their conversations. One that cannot be read is reported. */
async function agentsToMove(move: Move): Promise<AgentToMove[]> {
  const { options, report, progress, source } = move
  const ids =
    options.agents.length > 0 ? options.agents : idsIn(await allRows(source, '/v1/agents/', { order: 'asc', show_hidden_agents: true }))
  const found: AgentToMove[] = []
  for (const [i, id] of ids.entries()) {
    progress.step('reading agents', i, ids.length)
    try {
      const state = await readAgent(move, id)
      const query = { agent_id: id, archive_status: 'all', show_hidden_conversations: true }
      found.push({ state, conversations: await sourceRows(move, 'Conversations', '/v1/conversations/', query) })
    } catch (error) {
      report.fail(`agent ${id}: ${messageOf(error)}`)
    }
  }
  if (ids.length > 0) progress.step('reading agents', ids.length, ids.length)
  return found
}

/** What the agents use, when only some are moved. */
function wantedBy(agents: AgentToMove[]): Wanted {
  const of = (list: (state: Row) => string[]) => new Set(agents.flatMap(({ state }) => list(state)))
  return {
    tools: of((state) => idsIn(state.tools)),
    blocks: of((state) => idsIn(state.blocks)),
    folders: of((state) => idsIn(state.sources)),
    identities: of((state) => [...(state.identity_ids ?? []), ...idsIn(state.identities)]),
  }
}

/** The blocks to move: those of the list and of the agents, but for the copies that conversations have. */
async function blocksToMove(move: Move, agents: AgentToMove[], wanted: Wanted | null): Promise<Row[]> {
  const copies = new Set(agents.flatMap(({ conversations }) => conversations.flatMap((each) => each.isolated_block_ids ?? [])))
  const listed = wanted ? [] : await sourceRows(move, 'Blocks', '/v1/blocks/', { show_hidden_blocks: true })
  const all = [...listed, ...agents.flatMap(({ state }) => (state.blocks ?? []) as Row[])]
  return [...new Map(all.map((row) => [row.id, row])).values()].filter((row) => !copies.has(row.id))
}

async function moveAll(move: Move): Promise<void> {
  const { options, report } = move
  const agents = await agentsToMove(move)
  const all = options.agents.length === 0
  const wanted = all ? null : wantedBy(agents)
  await moveTools(move, wanted)
  await moveBlocks(move, await blocksToMove(move, agents, wanted))
  await moveIdentities(move, wanted)
  await moveFolders(move, wanted)
  await moveAgents(move, agents)
  await moveGroups(move)
  await moveArchives(move, agents, all)
  const providers = new Set(agents.flatMap(({ state }) => String(state.model ?? state.llm_config?.handle ?? '').split('/')[0] || []))
  providers.delete('loci')
  if (providers.size > 0 && report.anyMoved) report.todo(`the keys of the model providers: ${[...providers].sort().join(', ')}`)
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env)
  if (!options) {
    console.log(usage)
    return 0
  }
  const source = new Api(options.from, options.token)
  const target = new Api(options.to, options.toToken)
  // Both must be there and let us in, before anything is noted.
  await source.get('/v1/agents/', { limit: 1 })
  await target.get('/v1/agents/', { limit: 1 })
  const state = new State(options.state, { from: options.from, to: options.to }, options.dryRun)
  const report = new Report()
  const progress = new Progress(process.stderr)
  try {
    await moveAll({ source, target, state, report, progress, options })
  } catch (error) {
    report.fail(messageOf(error))
  } finally {
    progress.clear()
    state.close()
  }
  console.log(report.text(options.dryRun))
  if (!options.dryRun) console.log(`\nWhat was done is in ${state.file}: run this again to go on, or to see that nothing is left.`)
  return report.failed.length > 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(messageOf(error))
  if (error instanceof UsageError) console.error(usage)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
