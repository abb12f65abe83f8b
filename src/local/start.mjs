import { installMissing, runNode } from './bootstrap.mjs'

// `npm start`: installs what is missing, then supervises the server. If the server dies without a word, the Workers runtime
// that it started would live on with the port and the state; if this process dies, the closed channel tells the server to end.
installMissing()

let runtime
const code = await runNode('src/local/main.ts', process.argv.slice(2), {
  onMessage: (message) => {
    runtime = message.runtime
  },
})
if (code >= 128 && runtime) {
  try {
    process.kill(runtime, 'SIGKILL')
  } catch {
    // It ended with the server.
  }
}
process.exit(code)
