import { describe, expect, it } from 'vitest'
import { beating, within } from '../../../src/resources/messages/patience'
import { persistently } from '../../../src/resources/messages/service/send'

const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms))

describe('waiting for work', () => {
  it('gives its value when it is done in time, and null when it is not', async () => {
    expect(await within(later(1, 'x'), 1_000)).toEqual({ value: 'x' })
    expect(await within(later(200, 'x'), 5)).toBeNull()
  })

  it('passes a failure on', async () => {
    await expect(within(Promise.reject(new Error('broken')), 1_000)).rejects.toThrow('broken')
  })
})

describe('a beating body', () => {
  it('is white space until the text, and then the text alone', async () => {
    const text = await new Response(beating(later(120, '{"a":1}'), 30)).text()
    expect(text).toMatch(/^ {2,6}\{"a":1\}$/)
    expect(JSON.parse(text)).toEqual({ a: 1 })
  })
})

describe('calling an object that moves', () => {
  const cut = (flag: string) => Object.assign(new Error('moved'), { [flag]: true })
  const noWait = async () => undefined

  it('calls again after a cut connection or a reset', async () => {
    const answers = [() => Promise.reject(cut('retryable')), () => Promise.reject(cut('durableObjectReset')), async () => 'done']
    expect(await persistently(() => (answers.shift() as () => Promise<string>)(), noWait)).toBe('done')
  })

  it('gives up after four calls, and at once on any other failure', async () => {
    let calls = 0
    const failing = (error: Error) =>
      persistently(() => {
        calls++
        return Promise.reject(error)
      }, noWait)
    await expect(failing(cut('retryable'))).rejects.toThrow('moved')
    expect(calls).toBe(4)
    calls = 0
    await expect(failing(new Error('refused'))).rejects.toThrow('refused')
    expect(calls).toBe(1)
  })
})
