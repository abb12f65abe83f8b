import type { Socket } from 'node:net'
import { constants, setPriority } from 'node:os'
import { loadModel, type SentenceEncoder } from './model.ts'
import { Queue } from './queue.ts'
import { embeddingServer } from './server.ts'

// The process that computes. Connections come from its parent; it ends with its parent, however that ends.

setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
process.on('disconnect', () => process.exit(0))
// Ctrl-C at a terminal reaches every process; the parent decides when this one ends.
process.on('SIGINT', () => {})

let loading: Promise<SentenceEncoder> | undefined
const encoder = () => {
  loading ??= loadModel().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

const server = embeddingServer(new Queue(encoder))
process.on('message', (taken: number, socket?: Socket) => {
  if (socket) server.emit('connection', socket)
  process.send?.(taken)
})
