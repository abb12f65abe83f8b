export interface Frame {
  event: string | null
  data: Record<string, unknown> & { message_type: string; seq_id?: number | null }
}

/** The frames of a server-sent event stream, read to its end; `done` says whether `[DONE]` came last. */
export async function readFrames(body: ReadableStream<Uint8Array>): Promise<{ frames: Frame[]; done: boolean }> {
  const text = await new Response(body).text()
  const blocks = text.split('\n\n').filter(Boolean)
  const frames = blocks
    .filter((block) => !block.includes('data: [DONE]'))
    .map((block) => {
      const field = (name: string) =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? null
      return { event: field('event'), data: JSON.parse(field('data') ?? 'null') }
    })
  return { frames, done: blocks.at(-1) === 'data: [DONE]' }
}

export const typesOf = (frames: Frame[]): string[] => frames.map((frame) => frame.data.message_type)
