/** Items in groups whose sizes add up to at most `max`, in order; one that is bigger by itself has a group of its own. */
export function chunked<T>(items: readonly T[], max: number, sizeOf: (item: T) => number): T[][] {
  const groups: T[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const item of items) {
    const length = sizeOf(item)
    if (size + length > max) {
      groups.push([])
      size = 0
    }
    groups.at(-1)?.push(item)
    size += length
  }
  return groups
}
