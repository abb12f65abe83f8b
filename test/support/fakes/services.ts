import type { ToolServices } from '../../../src/runtime/ports'

const absent = () => Promise.reject(new Error('this test gives its tools no such service'))

/** Services of tools that a test does not expect to be asked for anything. */
export const noServices: ToolServices = {
  editBlock: absent,
  searchMessages: absent,
  insertPassage: absent,
  searchPassages: absent,
  openFiles: absent,
  grepFiles: absent,
  searchFiles: absent,
  callMcpTool: absent,
}
