import type { MetadataType } from '../../src/retrieval/vectorize'
import { type Page, pageSlots } from './page'
import type { Condition, IndexSpec } from './spec'
import type { Terms } from './terms'

/** Clears the marks of those slots of a page that do not match. */
type Test = (page: Page, marks: Uint8Array) => void

const none: Test = (_, marks) => marks.fill(0)

function testOfTexts(column: number, codes: Set<number>, wanted: boolean): Test {
  const [only] = codes
  const at = column * pageSlots
  if (codes.size === 1 && wanted)
    return (page, marks) => {
      for (let slot = 0; slot < page.count; slot++) if (page.codes[at + slot] !== only) marks[slot] = 0
    }
  return (page, marks) => {
    for (let slot = 0; slot < page.count; slot++) {
      const code = page.codes[at + slot] as number
      if (code === 0 || codes.has(code) !== wanted) marks[slot] = 0
    }
  }
}

function testOfNumbers(column: number, holds: (value: number) => boolean): Test {
  const at = column * pageSlots
  return (page, marks) => {
    for (let slot = 0; slot < page.count; slot++) {
      const value = page.numbers[at + slot] as number
      if (Number.isNaN(value) || !holds(value)) marks[slot] = 0
    }
  }
}

function numberCondition(type: MetadataType, condition: Condition): ((value: number) => boolean) | undefined {
  if (condition.kind === 'range') {
    const { above, below } = condition
    if (type === 'boolean' || [above, below].some((bound) => bound && typeof bound.value !== 'number')) return undefined
    const low = Number(above?.value ?? Number.NEGATIVE_INFINITY)
    const high = Number(below?.value ?? Number.POSITIVE_INFINITY)
    return (value) =>
      (above?.inclusive ? value >= low : !above || value > low) && (below?.inclusive ? value <= high : !below || value < high)
  }
  const values = new Set(condition.values.filter((value) => typeof value === type).map(Number))
  const wanted = condition.kind === 'in'
  return (value) => values.has(value) === wanted
}

function testOf({ metadata }: IndexSpec, terms: Terms, condition: Condition, page: Page['layout']): Test {
  const type = Object.hasOwn(metadata, condition.property) ? metadata[condition.property] : undefined
  if (!type) return none
  if (type === 'string') {
    const column = page.texts.indexOf(condition.property)
    if (condition.kind === 'range') return testOfTexts(column, terms.between(condition.above, condition.below), true)
    const texts = condition.values.filter((value) => typeof value === 'string')
    return testOfTexts(column, terms.equal(texts), condition.kind === 'in')
  }
  const holds = numberCondition(type, condition)
  return holds ? testOfNumbers(page.numbers.indexOf(condition.property), holds) : none
}

/**
 * A filter made ready for an index: marks the slots of a page where every condition holds, and returns how many. What has no value of the
 * property's type in its metadata index matches no condition on it, not even `$ne`; a property without a metadata index matches nothing.
 */
export function matcher(spec: IndexSpec, terms: Terms, layout: Page['layout'], filter: Condition[]) {
  const tests = filter.map((condition) => testOf(spec, terms, condition, layout))
  return (page: Page, marks: Uint8Array): number => {
    marks.fill(1, 0, page.count)
    for (const test of tests) test(page, marks)
    let count = 0
    for (let slot = 0; slot < page.count; slot++) count += marks[slot] as number
    return count
  }
}
