import { afterEach, expect, it, vi } from 'vitest'
import { log, setLogLevel } from '../../src/lib/log'

afterEach(() => {
  vi.restoreAllMocks()
  setLogLevel('info')
})

it('a log line holds the fields that are allowed and nothing else', () => {
  const written = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  log('info', { msg: 'request', status: 200, authorization: 'Bearer secret', body: 'hello', key: 'loci_1' })
  expect(JSON.parse(written.mock.calls[0]?.[0] as string)).toEqual({ level: 'info', msg: 'request', status: 200 })
})

it('lines below the level are not written', () => {
  const written = [
    vi.spyOn(console, 'log').mockImplementation(() => undefined),
    vi.spyOn(console, 'error').mockImplementation(() => undefined),
  ]
  setLogLevel('error')
  log('info', { msg: 'a' })
  log('warn', { msg: 'b' })
  log('error', { msg: 'c' })
  expect(written.flatMap((w) => w.mock.calls)).toHaveLength(1)
})
