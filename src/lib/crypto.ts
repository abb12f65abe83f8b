const utf8 = new TextEncoder()

export const toBase64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''))
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))

/** SHA-256 of a UTF-8 string, lower-case hex. */
export async function sha256(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode(text)))
  return Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('')
}

/** `bytes` random bytes as URL-safe base64 without padding. */
export const randomToken = (bytes = 32): string =>
  toBase64(crypto.getRandomValues(new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** Compares two strings in time that depends only on their length. */
export async function sameSecret(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([sha256(a), sha256(b)])
  let difference = 0
  for (let i = 0; i < x.length; i++) difference |= x.charCodeAt(i) ^ y.charCodeAt(i)
  return difference === 0
}

const aesKeys = new Map<string, Promise<{ id: string; key: CryptoKey }>>()

/** The AES-256 key of a passphrase: its SHA-256; the key id is the first eight hex digits of the SHA-256 of that digest. */
function aesKey(passphrase: string) {
  let cached = aesKeys.get(passphrase)
  if (!cached) {
    cached = (async () => {
      const digest = await crypto.subtle.digest('SHA-256', utf8.encode(passphrase))
      const key = await crypto.subtle.importKey('raw', digest, 'AES-GCM', false, ['encrypt', 'decrypt'])
      return { id: (await sha256(toBase64(new Uint8Array(digest)))).slice(0, 8), key }
    })()
    aesKeys.set(passphrase, cached)
  }
  return cached
}

/** Seals a secret for storage: `v1.<key id>.<iv>.<ciphertext>`, AES-256-GCM with a random 96-bit iv, base64 parts. */
export async function seal(passphrase: string, plaintext: string): Promise<string> {
  const { id, key } = await aesKey(passphrase)
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, utf8.encode(plaintext)))
  return `v1.${id}.${toBase64(iv)}.${toBase64(sealed)}`
}

/** Opens what `seal` made. Throws when the text was sealed with another key, naming both key ids, or was altered. */
export async function open(passphrase: string, sealed: string): Promise<string> {
  const { id, key } = await aesKey(passphrase)
  const [version, sealedWith, iv, ciphertext] = sealed.split('.')
  if (version !== 'v1' || !iv || !ciphertext) throw new Error('not a sealed secret')
  if (sealedWith !== id) throw new Error(`the secret was sealed with key ${sealedWith}, the configured ENCRYPTION_KEY is ${id}`)
  const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: fromBase64(iv) }, key, fromBase64(ciphertext))
  return new TextDecoder().decode(plain)
}
