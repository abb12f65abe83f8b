import type { LineSearch } from './search'

/** A file and its text, which comes in pieces of any size. */
export interface NamedText {
  file_name: string
  text: AsyncIterable<string>
}

/** How much is searched: UTF-16 units of one file and of all, and milliseconds. */
export interface SearchLimits {
  file: number
  all: number
  ms: number
}

/** Time as a search sees it. It passes while the search rests: within one event Workers stop their clock. */
export interface Clock {
  now(): number
  rest(): Promise<void>
}

export const realClock: Clock = { now: Date.now, rest: () => new Promise((resolve) => setTimeout(resolve, 0)) }

/** Units that are searched at once, and between two rests. */
const sliceUnits = 65_536
const restUnits = 262_144

async function* slices(text: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const piece of text) for (let from = 0; from < piece.length; from += sliceUnits) yield piece.slice(from, from + sliceUnits)
}

export interface SearchEnd {
  /** Files that were taken up, the last perhaps not to its end. */
  searched: number
  /** Names of files of which only the beginning was searched. */
  partly: string[]
  /** Why it ended before the last file did. */
  stopped: 'hits' | 'size' | 'time' | null
}

/** Searches texts one after the other, until a limit is reached. Other work goes on meanwhile. */
export async function searchTexts(
  texts: AsyncIterable<NamedText>,
  search: LineSearch,
  limits: SearchLimits,
  clock: Clock = realClock,
): Promise<SearchEnd> {
  const until = clock.now() + limits.ms
  const end: SearchEnd = { searched: 0, partly: [], stopped: null }
  let all = 0
  let rested = 0
  const reached = (isDone: boolean): SearchEnd['stopped'] =>
    isDone ? 'hits' : all >= limits.all ? 'size' : clock.now() >= until ? 'time' : null
  for await (const { file_name, text } of texts) {
    end.stopped = reached(search.isFull)
    if (end.stopped) return end
    end.searched++
    const file = search.file(file_name)
    let units = 0
    let isWhole = true
    for await (const slice of slices(text)) {
      end.stopped = reached(file.isDone())
      isWhole = end.stopped === null && units < limits.file
      if (!isWhole) break
      file.push(slice)
      units += slice.length
      all += slice.length
      if (all - rested >= restUnits) {
        rested = all
        await clock.rest()
      }
    }
    if (isWhole) file.end()
    else if (end.stopped !== 'hits') end.partly.push(file_name)
    if (end.stopped) return end
  }
  end.stopped = search.isFull ? 'hits' : null
  return end
}
