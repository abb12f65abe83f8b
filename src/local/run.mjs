import { installMissing, runNode, runTool } from './bootstrap.mjs'

// `node src/local/run.mjs <tool | script.ts> …`: installs what is missing, then runs a tool of node_modules or a script of this
// repository on the Node that belongs to it.
const [name, ...args] = process.argv.slice(2)
if (!name) {
  console.error('usage: node src/local/run.mjs <tool | script> [arguments]')
  process.exit(2)
}
installMissing()
process.exit(await (/\.(ts|mjs)$/.test(name) ? runNode : runTool)(name, args))
