import type { Env } from '../../env'
import { type Converter, UnreadableFile } from '../../retrieval/parse'
import { convertedTypes } from './types'

/** What makes Markdown of files that are no text: Workers AI, where it is bound; null elsewhere. */
export function converterOf({ AI }: Pick<Env, 'AI'>): Converter | null {
  if (!AI) return null
  return {
    takes: (type) => convertedTypes.has(type),
    async convert(name, type, bytes) {
      const converted = await AI.toMarkdown({ name, blob: new Blob([bytes], { type }) })
      if (converted.format !== 'error') return converted.data
      throw new UnreadableFile(`Workers AI cannot convert the file: ${converted.error}. Upload it in another format, or its text.`)
    },
  }
}
