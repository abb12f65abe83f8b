import { exports } from 'cloudflare:workers'

/** A response with its body read: JSON as a value, anything else as text. */
export interface Answer<T = unknown> {
  status: number
  headers: Headers
  body: T
}

// biome-ignore lint/suspicious/noExplicitAny: a test asserts what an answer holds; typing it first would assert it twice
export type Call = <T = any>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer<T>>

const worker = (exports as unknown as { default: Fetcher }).default

const sent = async (body: unknown) =>
  body instanceof Blob ? await body.arrayBuffer() : body instanceof FormData ? body : JSON.stringify(body)

/** Calls the Worker under test with a bearer token, or with none. A body is sent as JSON, a `Blob` or a form as it is. */
export function callAs(key: string | null): Call {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await worker.fetch(`https://loci.test${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined || body instanceof FormData
          ? {}
          : { 'content-type': body instanceof Blob ? body.type : 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: await sent(body) }),
    })
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: (isJson ? await response.json() : await response.text()) as T }
  }
}

/** A multipart form with a file in the part `file`, between two other parts, as a body. Each has a boundary of its own. */
export function formWith(content: string | Uint8Array<ArrayBuffer>, name: string, type = 'text/plain', part = 'file'): Blob {
  const boundary = `form-${crypto.randomUUID()}`
  const field = (value: string) => `--${boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\n${value}\r\n`
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${part}"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`
  const parts = [field('before'), head, content, '\r\n', field('after'), `--${boundary}--\r\n`]
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` })
}

/** Calls the Worker as the operator. */
export const admin: Call = callAs('test-admin-key')

/** A member of an organization: who it is, and how it calls the Worker. */
export interface Member {
  organization_id: string
  user_id: string
  key: string
  call: Call
}

let made = 0

/** A new organization with one user and a key of both scopes. Nothing else is in it. */
export async function freshOrganization(): Promise<Member> {
  const organization = await admin('POST', '/v1/admin/orgs', { name: `Organization ${++made}` })
  if (organization.status !== 200) throw new Error(`no organization: ${organization.status} ${JSON.stringify(organization.body)}`)
  return newMember(organization.body.id)
}

/** One more user of an organization, with a key of its own. */
export async function newMember(organization_id: string, scopes?: string[]): Promise<Member> {
  const { status, body } = await admin('POST', '/v1/admin/api-keys', { organization_id, name: 'test', scopes })
  if (status !== 200) throw new Error(`no API key: ${status} ${JSON.stringify(body)}`)
  return { organization_id, user_id: body.user_id, key: body.key, call: callAs(body.key) }
}
