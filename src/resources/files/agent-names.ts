/** Pairs of neighbouring characters of a name, by which names are compared. */
function pairsOf(name: string): Set<string> {
  const text = ` ${name.toLowerCase()} `
  return new Set(Array.from({ length: text.length - 1 }, (_, i) => text.slice(i, i + 2)))
}

/** Names that are like one that is not among them, the most alike first: by how many pairs of characters they share (Dice). */
export function nearestNames(name: string, names: readonly string[], most: number): string[] {
  const wanted = pairsOf(name)
  return names
    .map((each) => {
      const pairs = pairsOf(each)
      const shared = [...pairs].filter((pair) => wanted.has(pair)).length
      return { each, likeness: (2 * shared) / (pairs.size + wanted.size) }
    })
    .filter(({ likeness }) => likeness >= 0.3)
    .sort((a, b) => b.likeness - a.likeness || (a.each < b.each ? -1 : 1))
    .slice(0, most)
    .map(({ each }) => each)
}

/** Names in quotes, in one line: the first of them, and how many more there are. */
export function quotedNames(names: readonly string[], most = 10): string {
  const shown = names.slice(0, most).map((name) => `'${name}'`)
  return [...shown, ...(names.length > most ? [`and ${names.length - most} more`] : [])].join(', ')
}
