import { describe, expect, it } from 'vitest'
import { receiveFile } from '../../src/http/multipart'

const part = (name: string, content: string, filename: string | null = 'a.txt') =>
  `--x\r\nContent-Disposition: form-data; name="${name}"${filename === null ? '' : `; filename="${filename}"`}\r\n\r\n${content}\r\n`

/** A request whose body comes in pieces of `size` bytes and then ends as `end` says. */
function requestOf(text: string, { size = 7, length, end = 'close' }: { size?: number; length?: number; end?: 'close' | 'error' } = {}) {
  const bytes = new TextEncoder().encode(text)
  let at = 0
  let pulled = 0
  let cancelled = false
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled++
        if (at < bytes.length) {
          controller.enqueue(bytes.slice(at, at + size))
          at += size
        } else if (end === 'close') controller.close()
        else controller.error(new Error('the connection was lost'))
      },
      cancel() {
        cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  const headers = new Headers({
    'content-type': 'multipart/form-data; boundary=x',
    ...(length ? { 'content-length': String(length) } : {}),
  })
  return { request: { headers, body } as unknown as Request, pulled: () => pulled, cancelled: () => cancelled }
}

type Sent = ReturnType<typeof requestOf>

const textOf = async ({ name, bytes }: { name: string; bytes: AsyncIterable<Uint8Array> }) => {
  let text = ''
  for await (const chunk of bytes) text += new TextDecoder().decode(chunk)
  return `${name}: ${text}`
}
const limit = 1_000_000

describe('a file in a form', () => {
  it('is handed over as it was sent, in whatever pieces it arrives, other parts skipped', async () => {
    const form = `${part('note', 'first', null)}${part('other', 'not this', 'b.txt')}${part('file', 'a\r\n--y\r\nb')}${part('file', 'second')}--x--\r\n`
    for (const size of [1, 3, 50, 10_000])
      expect(await receiveFile(requestOf(form, { size }).request, 'file', limit, textOf)).toBe('a.txt: a\r\n--y\r\nb')
  })

  it('is read no faster than it is taken', async () => {
    const { request, pulled } = requestOf(`${part('file', 'x'.repeat(900_000))}--x--\r\n`, { size: 16_384 })
    await receiveFile(request, 'file', limit, async ({ bytes }) => {
      let seen = 0
      for await (const chunk of bytes) {
        seen += chunk.length
        expect(pulled() * 16_384).toBeLessThan(seen + 400_000)
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(seen).toBe(900_000)
    })
  })

  it.each(['close', 'error'] as const)('that breaks off (%s) is told to who takes it, before the caller', async (end) => {
    const { request } = requestOf(part('file', 'x'.repeat(500)).slice(0, -30), { end })
    const seen: string[] = []
    const taking = receiveFile(request, 'file', limit, async (file) => {
      try {
        return await textOf(file)
      } catch (error) {
        await new Promise((resolve) => setImmediate(resolve))
        seen.push('cleaned up')
        throw error
      }
    })
    await expect(taking).rejects.toMatchObject({ kind: 'bad_request' })
    expect(seen).toEqual(['cleaned up'])
  })

  it('that breaks off while nobody reads it yet is not taken for whole', async () => {
    const { request } = requestOf(part('file', 'short').slice(0, -4), { size: 10_000 })
    const taking = receiveFile(request, 'file', limit, async (file) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      return textOf(file)
    })
    await expect(taking).rejects.toMatchObject({ kind: 'bad_request' })
  })

  it('that is refused or not wanted is read to its end all the same, for the client to see the answer', async () => {
    const form = `${part('file', 'x'.repeat(700_000))}${part('other', 'y'.repeat(200_000))}--x--\r\n`
    const [refused, unwanted] = [requestOf(form, { size: 16_384 }), requestOf(form, { size: 16_384 })]
    await expect(receiveFile(refused.request, 'file', limit, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    expect(await receiveFile(unwanted.request, 'file', limit, async () => 'known')).toBe('known')
    for (const { pulled } of [refused, unwanted]) expect(pulled()).toBeGreaterThan(form.length / 16_384)
  })

  it('that grows too long is not read to its end', async () => {
    const form = `${part('file', 'x'.repeat(5_000_000))}--x--\r\n`
    const [taken, refused, short] = [0, 0, 0].map(() => requestOf(form, { size: 16_384 })) as [Sent, Sent, Sent]
    await expect(receiveFile(taken.request, 'file', limit, textOf)).rejects.toMatchObject({ kind: 'payload_too_large' })
    await expect(receiveFile(refused.request, 'file', limit, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    const stopping = async ({ bytes }: { bytes: AsyncIterable<Uint8Array> }) => {
      for await (const _ of bytes) throw new Error('enough')
    }
    await expect(receiveFile(short.request, 'file', limit, stopping)).rejects.toThrow('enough')
    for (const { pulled, cancelled } of [taken, refused, short]) expect([cancelled(), pulled() * 16_384 < 1_300_000]).toEqual([true, true])
  })

  it('that says that it is too long is not read at all', async () => {
    const { request, pulled } = requestOf(part('file', 'x'), { length: limit + 100_000 })
    await expect(receiveFile(request, 'file', limit, textOf)).rejects.toMatchObject({ kind: 'payload_too_large' })
    expect(pulled()).toBe(0)
  })

  it('must be there, with a name, in a form', async () => {
    for (const form of [`${part('file', 'x', null)}--x--\r\n`, `${part('file', 'x', '')}--x--\r\n`, `${part('other', 'x')}--x--\r\n`])
      await expect(receiveFile(requestOf(form).request, 'file', limit, textOf)).rejects.toMatchObject({ kind: 'invalid' })
    for (const type of ['application/json', 'multipart/form-data', '']) {
      const { request } = requestOf('')
      request.headers.set('content-type', type)
      await expect(receiveFile(request, 'file', limit, textOf)).rejects.toMatchObject({ kind: 'unsupported_media_type' })
    }
  })
})
