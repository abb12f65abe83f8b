import { describe, expect, it } from 'vitest'
import { isDue } from '../../../src/local/cron'

const at = (time: string) => new Date(`2026-11-20T${time}:00Z`)

describe('cron patterns', () => {
  it('name minutes by number, list, range and step, in UTC', () => {
    const due = (pattern: string) => ['00:00', '00:05', '00:17', '06:17', '23:59'].filter((time) => isDue(pattern, at(time)))
    expect(due('17 * * * *')).toEqual(['00:17', '06:17'])
    expect(due('*/5 * * * *')).toEqual(['00:00', '00:05'])
    expect(due('0,59 * * * *')).toEqual(['00:00', '23:59'])
    expect(due('* 6-23 * * *')).toEqual(['06:17', '23:59'])
    expect(due('2/15 6 * * *')).toEqual(['06:17'])
    expect(due('* * 21 * *')).toEqual([])
  })

  it('name weekdays from Sunday, the first', () => {
    const sunday = new Date('2026-11-22T00:00:00Z')
    expect(isDue('* * * * 1', sunday)).toBe(true)
    expect(isDue('* * * * 2-6', sunday)).toBe(false)
    expect(isDue('* * * * 6', at('00:00'))).toBe(true)
  })

  it('are refused when they use more than numbers', () => {
    for (const pattern of ['0 9 * * mon', '0 0 L * *', '* * * *', '']) expect(() => isDue(pattern, at('00:00'))).toThrow(/cannot read/)
  })
})
