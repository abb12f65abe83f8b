import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attemptsMax, before, move, type Progress, take, unfinished } from '../../../src/resources/files/states'
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

  it('end once and at one worker, whatever workers do and however late they are', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'take' as const }),
      fc.record({ kind: fc.constant('move' as const), worker: fc.nat({ max: 6 }), to: fc.constantFrom(...processingStates) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let file: Progress = { processing_status: 'pending', attempt: 0 }
        const seen: string[] = [file.processing_status]
        for (const each of steps) {
          const next = each.kind === 'take' ? take(file) : move(file, each.worker, each.to)
          if (!next) continue
          expect(unfinished).toContain(file.processing_status)
          if (each.kind === 'move') expect(each.worker).toBe(file.attempt)
          expect(next.attempt).toBeGreaterThanOrEqual(file.attempt)
          if (next.processing_status !== file.processing_status) seen.push(next.processing_status)
          file = next
        }
        const order = ['pending', 'parsing', 'embedding', 'completed']
        const way = seen.at(-1) === 'error' ? seen.slice(0, -1) : seen
        expect(way).toEqual(order.slice(0, way.length))
        expect(file.attempt).toBeLessThanOrEqual(attemptsMax)
      }),
    )
  })
})
