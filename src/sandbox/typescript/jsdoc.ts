/** What a JSDoc comment says: the text before its tags, and of each parameter; `options.limit` is the name of a part. */
export interface Doc {
  description: string
  of: Map<string, string>
}

const parameter = /^@(?:param|arg|argument)[ \t]+(?:\{[^}]*\}+[ \t]*)?\[?([\w$][\w$.]*)(?:=[^\]]*)?\]?[ \t]*(?:-[ \t]*)?(.*)$/

/** Reads a comment as it stands in the source; any but a JSDoc comment says nothing. */
export function readDoc(comment: string | null): Doc {
  const of = new Map<string, string>()
  if (!comment?.startsWith('/**')) return { description: '', of }
  const lines = comment
    .slice(3, -2)
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/^\*[ \t]?/, '')
        .trimEnd(),
    )
  const firstTag = lines.findIndex((line) => line.startsWith('@'))
  let current: string | null = null
  for (const line of firstTag < 0 ? [] : lines.slice(firstTag)) {
    const [, name, text = ''] = parameter.exec(line) ?? []
    if (name !== undefined) of.set(name, text)
    else if (current !== null && !line.startsWith('@')) of.set(current, `${of.get(current)}\n${line.trim()}`.trim())
    current = name ?? (line.startsWith('@') ? null : current)
  }
  const description = (firstTag < 0 ? lines : lines.slice(0, firstTag)).join('\n').trim()
  return { description, of }
}
