import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type SentenceEncoder, splitEvenly } from '../../../src/local/embedder/model'
import { Queue } from '../../../src/local/embedder/queue'

const never = new AbortController().signal

/** A model whose tokens are the characters of a text, four a window, and whose vectors tell them; it notes what it computed. */
function fakeModel() {
  const steps: string[][] = []
  const encoder: SentenceEncoder = {
    windowsOf: (text) =>
      splitEvenly(
        Array.from(text, (character) => character.charCodeAt(0)),
        4,
      ),
    encode: async (windows) => {
      steps.push(windows.map((window) => String.fromCharCode(...window)))
      return windows.map((window) => Float32Array.of(window.length, window[0] ?? 0))
    },
  }
  return { steps, queue: new Queue(async () => encoder) }
}

test('a text that comes alone goes before those that came together', async () => {
  const { queue, steps } = fakeModel()
  const many = queue.add(
    Array.from({ length: 100 }, (_, n) => `${n % 10}`.repeat(4)),
    never,
  )
  const order: string[] = []
  const first = many.then(() => order.push('many'))
  await Promise.all([first, queue.add(['a'], never).then(() => order.push('a')), queue.add(['b'], never).then(() => order.push('b'))])
  expect(order).toEqual(['a', 'b', 'many'])
  expect(steps.flat().filter((text) => /[ab]/.test(text))).toEqual(['a', 'b'])
})

test('a step holds no more than 128 tokens, padding included', async () => {
  const { queue, steps } = fakeModel()
  await queue.add(
    Array.from({ length: 200 }, (_, n) => 'x'.repeat(1 + (n % 9))),
    never,
  )
  for (const step of steps) expect(step.length * Math.max(...step.map((window) => window.length))).toBeLessThanOrEqual(128)
})

test('a long text is the mean of its windows, of unit length', async () => {
  const { queue } = fakeModel()
  const { vectors, tokens } = await queue.add(['\u0002bcd\u0004fgh'], never)
  const length = Math.hypot(4, 3)
  expect(tokens).toBe(8)
  expect(Array.from(vectors[0] ?? [])).toEqual([expect.closeTo(4 / length, 6), expect.closeTo(3 / length, 6)])
})

test('what was given up is not computed', async () => {
  const { queue, steps } = fakeModel()
  const stop = new AbortController()
  const given = queue.add(
    Array.from({ length: 500 }, () => 'gone'),
    stop.signal,
  )
  const kept = queue.add(['kept', 'too'], never)
  stop.abort(new Error('enough'))
  await expect(given).rejects.toThrow('enough')
  expect((await kept).vectors).toHaveLength(2)
  expect(steps.flat()).not.toContain('gone')
  expect(queue.waiting).toBe(0)
})

test('a failure is told to those who wait, and the next is served', async () => {
  let failures = 2
  const queue = new Queue(async () => {
    if (failures-- > 0) throw new Error('not loaded')
    return { windowsOf: () => [[1]], encode: async () => [Float32Array.of(1)] }
  })
  await expect(Promise.all([queue.add(['a'], never), queue.add(['b', 'c'], never)])).rejects.toThrow('not loaded')
  await expect(queue.add(['d'], never)).rejects.toThrow('not loaded')
  expect((await queue.add(['e'], never)).vectors).toEqual([Float32Array.of(1)])
})

test('tokens are split into windows that hold them all, in order, none longer than another by more than one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 600 }), fc.integer({ min: 1, max: 130 }), (tokens, most) => {
      const windows = splitEvenly(tokens, most)
      const lengths = windows.map((window) => window.length)
      expect(windows.flat()).toEqual(tokens)
      expect(Math.max(...lengths)).toBeLessThanOrEqual(most)
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1)
    }),
  )
})
