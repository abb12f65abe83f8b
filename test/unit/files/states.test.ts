import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  attemptsMax,
  before,
  handOver,
  isLeft,
  move,
  nextRound,
  type Progress,
  silentMs,
  take,
  unfinished,
} from '../../../src/resources/files/states'
import { processingStates } from '../../../src/resources/files/table'

describe('the states of a file', () => {
  it('follow each other in order, an error from every one that is not the end', () => {
    const file = (processing_status: Progress['processing_status']) => ({ processing_status, attempt: 1 })
    const moves = processingStates.flatMap((from) =>
      processingStates.filter((to) => move(file(from), 1, to)).map((to) => `${from} → ${to}`),
    )
    expect(moves).toEqual([
      'pending → parsing',
      'pending → error',
      'parsing → embedding',
      'parsing → error',
      'embedding → completed',
      'embedding → error',
    ])
    expect(unfinished).toEqual(['pending', 'parsing', 'embedding'])
    expect(before('pending')).toEqual([])
  })

  it('begin with the first worker, which the next one puts off', () => {
    const first = take({ processing_status: 'pending', attempt: 0 })
    expect(first).toEqual({ processing_status: 'parsing', attempt: 1 })
    const second = take(first as Progress)
    expect(second).toEqual({ processing_status: 'parsing', attempt: 2 })
    expect(move(second as Progress, 1, 'embedding')).toBeNull()
    expect(move(second as Progress, 2, 'embedding')).toEqual({ processing_status: 'embedding', attempt: 2 })
    expect(take({ processing_status: 'embedding', attempt: 2 })).toEqual({ processing_status: 'embedding', attempt: 3 })
    for (const processing_status of ['completed', 'error'] as const) expect(take({ processing_status, attempt: 1 })).toBeNull()
    expect(take({ processing_status: 'parsing', attempt: attemptsMax })).toEqual({ processing_status: 'error', attempt: attemptsMax })
  })

  it('are left to another by a worker that got on, which then has as many attempts again', () => {
    const file = { processing_status: 'embedding' as const, attempt: 7 }
    const handed = handOver(file, 7)
    expect(handed).toEqual({ processing_status: 'embedding', attempt: 100 })
    expect(handOver(file, 6)).toBeNull()
    expect(handOver({ processing_status: 'completed', attempt: 7 }, 7)).toBeNull()
    expect(take(handed as Progress)).toEqual({ processing_status: 'embedding', attempt: 101 })
    expect([nextRound(0), nextRound(100), nextRound(101)]).toEqual([100, 200, 200])
    expect(take({ processing_status: 'embedding', attempt: 100 + attemptsMax })).toMatchObject({ processing_status: 'error' })
  })

  it('are left when no worker gives a sign of itself', () => {
    const at = (ms: number) => new Date(ms).toISOString()
    for (const processing_status of processingStates)
      expect([processing_status, isLeft({ processing_status, updated_at: at(0) }, silentMs)]).toEqual([
        processing_status,
        unfinished.includes(processing_status),
      ])
    expect(isLeft({ processing_status: 'pending', updated_at: at(1) }, silentMs)).toBe(false)
  })

  it('end once and at one worker, whatever workers do and however late they are', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'take' as const }),
      fc.record({ kind: fc.constant('hand over' as const), worker: fc.nat({ max: 203 }) }),
      fc.record({
        kind: fc.constant('move' as const),
        worker: fc.oneof(fc.nat({ max: 6 }), fc.integer({ min: 100, max: 103 })),
        to: fc.constantFrom(...processingStates),
      }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let file: Progress = { processing_status: 'pending', attempt: 0 }
        const seen: string[] = [file.processing_status]
        for (const each of steps) {
          const next =
            each.kind === 'take' ? take(file) : each.kind === 'move' ? move(file, each.worker, each.to) : handOver(file, each.worker)
          if (!next) continue
          expect(unfinished).toContain(file.processing_status)
          if (each.kind !== 'take') expect(each.worker).toBe(file.attempt)
          expect(next.attempt).toBeGreaterThanOrEqual(file.attempt)
          if (next.processing_status !== file.processing_status) seen.push(next.processing_status)
          file = next
        }
        const order = ['pending', 'parsing', 'embedding', 'completed']
        const way = seen.at(-1) === 'error' ? seen.slice(0, -1) : seen
        expect(way).toEqual(order.slice(0, way.length))
        expect(file.attempt % 100).toBeLessThanOrEqual(attemptsMax)
      }),
    )
  })
})
