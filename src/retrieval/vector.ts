import { fromBase64, toBase64 } from '../lib/crypto'

/** A vector as it is stored: float32, little-endian, in base64. */
export const encodeVector = (vector: Float32Array): string => toBase64(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))

export const decodeVector = (text: string): Float32Array => new Float32Array(fromBase64(text).buffer)

/** Cosine similarity of two vectors of unit length. */
export function similarity(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}
