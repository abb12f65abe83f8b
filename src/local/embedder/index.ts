import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/** The local embedding model, served as OpenAI serves its own. */
export interface LocalEmbedder {
  /** Base URL of the API on 127.0.0.1: what `LOCAL_EMBEDDER_URL` says. */
  url: string
  /** Process id of the process that computes, while there is one. */
  pid(): number | undefined
  /** Resolves when nothing of it is left. */
  close(): Promise<void>
}

const program = fileURLToPath(new URL('./process.ts', import.meta.url).href)

interface Computer {
  process: ChildProcess
  /** Hands a connection over; it is closed when the process ends before it took it. */
  offer(socket: Socket): void
}

/** Starts the process that computes. `ended` is called once, however it ends. */
function startComputer(ended: () => void): Computer {
  const child = fork(program, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  // Both processes hold a connection until it is taken: left to a process that died, nobody would ever close it.
  const offered = new Map<number, Socket>()
  let count = 0
  const end = () => {
    for (const socket of offered.values()) socket.destroy()
    offered.clear()
    ended()
  }
  child.once('error', end).once('exit', end)
  child.on('message', (taken: number) => {
    offered.get(taken)?.destroy()
    offered.delete(taken)
  })
  child.unref()
  child.channel?.unref()
  return {
    process: child,
    offer: (socket) => {
      const number = ++count
      offered.set(number, socket)
      socket.on('error', () => socket.destroy())
      child.send(number, socket, { keepOpen: true }, (error) => {
        if (error) socket.destroy()
      })
    },
  }
}

/**
 * Makes the local model available: only a socket is opened. The first connection starts the process that computes, and the first request
 * makes that one load the model; a process that died is started again by the next connection, at the same address. It keeps no process
 * alive, and ends with this one.
 */
export async function startEmbedder(): Promise<LocalEmbedder> {
  let computer: Computer | undefined
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    if (!computer) {
      const started = startComputer(() => {
        if (computer === started) computer = undefined
      })
      computer = started
    }
    computer.offer(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    pid: () => computer?.process.pid,
    close: async () => {
      server.close()
      const child = computer?.process
      if (!child) return
      const ended = once(child, 'exit')
      child.ref()
      child.kill('SIGKILL')
      await ended
    },
  }
}
