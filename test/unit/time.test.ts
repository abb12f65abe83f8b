import { describe, expect, it } from 'vitest'
import { iso, zonedInstant, zonedIso } from '../../src/lib/time'

describe('a local time', () => {
  it.each([
    ['2024-01-15', 'UTC', 'start', '2024-01-15T00:00:00.000Z'],
    ['2024-01-15', 'UTC', 'end', '2024-01-15T23:59:59.999Z'],
    ['2024-01-15', 'Asia/Tokyo', 'start', '2024-01-14T15:00:00.000Z'],
    ['2024-01-15', 'America/Los_Angeles', 'end', '2024-01-16T07:59:59.999Z'],
    ['2024-07-15T14:30:00', 'Europe/Berlin', 'end', '2024-07-15T12:30:00.000Z'],
    ['2024-07-15T14:30', 'Asia/Kolkata', 'start', '2024-07-15T09:00:00.000Z'],
    ['2024-07-15T14:30:00Z', 'Europe/Berlin', 'end', '2024-07-15T14:30:00.000Z'],
    ['2024-07-15T14:30:00-02:00', 'Asia/Tokyo', 'start', '2024-07-15T16:30:00.000Z'],
    // The day on which the clocks go forward ends at 22:00 UTC.
    ['2024-03-31', 'Europe/Berlin', 'end', '2024-03-31T21:59:59.999Z'],
  ] as const)('%s in %s, as the %s of a range, is %s', (text, zone, edge, expected) => {
    expect(iso(zonedInstant(text, zone, edge))).toBe(expected)
  })

  it.each(['soon', '2024-13-01', '', '2024-01-15T25:00:00', '2024-01-15T10:00 somewhere'])('%j is none', (text) => {
    expect(zonedInstant(text, 'Europe/Berlin', 'start')).toBeNaN()
  })

  it.each([
    ['UTC', '2024-01-15T17:00:00.005+00:00'],
    ['America/Los_Angeles', '2024-01-15T09:00:00.005-08:00'],
    ['Asia/Kolkata', '2024-01-15T22:30:00.005+05:30'],
    ['America/St_Johns', '2024-01-15T13:30:00.005-03:30'],
  ])('is told in %s with its offset', (zone, expected) => {
    const at = Date.parse('2024-01-15T17:00:00.005Z')
    expect(zonedIso(at, zone)).toBe(expected)
    expect(Date.parse(zonedIso(at, zone))).toBe(at)
  })
})
