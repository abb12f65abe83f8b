// A vector is sketched by one bit a dimension: the signs of what is left of it when a centre near it is taken away, after a rotation that
// spreads its information evenly over all dimensions. Two floats beside the bits make an estimate of its product with a query out of
//
//   product ≈ query · centre + shift + scale × sum,   sum = the query's values, each with the sign of its bit
//
// For many vectors the sum is itself estimated, from how many bits differ from the signs of the query; for those that are near by this it is
// computed. The idea is that of RaBitQ (Gao and Long, SIGMOD 2024). What is found so is always scored again from the vectors themselves.

/** Bits are counted in blocks of eight words. */
const block = 8

/** Words of 32 bits of one sketch. */
export const wordsOf = (dimensions: number): number => Math.ceil(dimensions / 32 / block) * block

/** Product of two vectors; `a` begins at `from`. */
export function dot(a: Float32Array, b: Float32Array, from = 0): number {
  const { length } = b
  const even = length - (length % 4)
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  for (let i = 0, j = from; i < even; i += 4, j += 4) {
    s0 += (a[j] as number) * (b[i] as number)
    s1 += (a[j + 1] as number) * (b[i + 1] as number)
    s2 += (a[j + 2] as number) * (b[i + 2] as number)
    s3 += (a[j + 3] as number) * (b[i + 3] as number)
  }
  for (let i = even; i < length; i++) s0 += (a[from + i] as number) * (b[i] as number)
  return s0 + s1 + s2 + s3
}

/** Walsh–Hadamard transform of `size` values in place, of length 1; `size` is a power of two. */
function hadamard(values: Float32Array, from: number, size: number): void {
  for (let half = 1; half < size; half *= 2) {
    for (let start = from; start < from + size; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = values[i] as number
        const b = values[i + half] as number
        values[i] = a + b
        values[i + half] = a - b
      }
    }
  }
  const norm = 1 / Math.sqrt(size)
  for (let i = from; i < from + size; i++) values[i] = (values[i] as number) * norm
}

/** Signs that look random and are the same for ever, since sketches are stored. */
function fixedSigns(count: number): Float32Array {
  let state = 0x9e3779b9
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 1 ? 1 : -1
  })
}

/** A fixed rotation: in turns, signs are flipped and the first or the last power of two of the values is transformed. */
export function rotation(dimensions: number): (values: Float32Array) => Float32Array {
  const size = 2 ** Math.floor(Math.log2(dimensions))
  const turns = size === dimensions ? 2 : 4
  const signs = fixedSigns(turns * dimensions)
  return (values) => {
    const turned = Float32Array.from(values)
    for (let turn = 0; turn < turns; turn++) {
      for (let i = 0; i < dimensions; i++) turned[i] = (turned[i] as number) * (signs[turn * dimensions + i] as number)
      hadamard(turned, turn % 2 === 0 ? 0 : dimensions - size, size)
    }
    return turned
  }
}

/** Writes the signs of values as bits into the words from `from`. */
export function signs(values: Float32Array, words: Int32Array, from = 0): void {
  for (let start = 0, word = from; start < values.length; start += 32, word++) {
    let bits = 0
    const end = Math.min(32, values.length - start)
    for (let i = 0; i < end; i++) if ((values[start + i] as number) >= 0) bits |= 1 << i
    words[word] = bits
  }
}

/** For each byte of a sketch and each of its 256 values: the sum of the query's values there, each with the sign of its bit. */
export function tables(query: Float32Array, width: number): Float32Array {
  const sums = new Float32Array(width * 4 * 256)
  for (let byte = 0; byte * 8 < query.length; byte++) {
    const at = byte * 256
    let none = 0
    for (let i = 0; i < 8; i++) none -= query[byte * 8 + i] ?? 0
    sums[at] = none
    for (let value = 1; value < 256; value++) {
      const lowest = 31 - Math.clz32(value & -value)
      sums[at + value] = (sums[at + (value & (value - 1))] as number) + 2 * (query[byte * 8 + lowest] ?? 0)
    }
  }
  return sums
}

/** The sum of a sketch that begins at `words[from]`, by the tables of a query. */
export function sumOf(sums: Float32Array, words: Int32Array, from: number, width: number): number {
  let sum = 0
  for (let w = 0, at = 0; w < width; w++, at += 1024) {
    const word = words[from + w] as number
    sum += sums[at + (word & 255)] as number
    sum += sums[at + 256 + ((word >>> 8) & 255)] as number
    sum += sums[at + 512 + ((word >>> 16) & 255)] as number
    sum += sums[at + 768 + (word >>> 24)] as number
  }
  return sum
}

function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/**
 * How many bits of each of `count` sketches, `width` words each, differ from those of `query`. Eight words are added up bit by bit
 * (carry-save adders, Harley and Seal) before any bits are counted, which halves the work: this loop is where a query spends its time.
 */
export function distances(words: Int32Array, count: number, query: Int32Array, width: number, into: Uint16Array): void {
  for (let sketch = 0, w = 0; sketch < count; sketch++) {
    let one = 0
    let two = 0
    let four = 0
    let eights = 0
    for (let q = 0; q < width; q += block, w += block) {
      let a = (words[w] as number) ^ (query[q] as number)
      let b = (words[w + 1] as number) ^ (query[q + 1] as number)
      let half = one ^ a
      let twoA = (one & a) | (half & b)
      one = half ^ b
      a = (words[w + 2] as number) ^ (query[q + 2] as number)
      b = (words[w + 3] as number) ^ (query[q + 3] as number)
      half = one ^ a
      let twoB = (one & a) | (half & b)
      one = half ^ b
      half = two ^ twoA
      const fourA = (two & twoA) | (half & twoB)
      two = half ^ twoB
      a = (words[w + 4] as number) ^ (query[q + 4] as number)
      b = (words[w + 5] as number) ^ (query[q + 5] as number)
      half = one ^ a
      twoA = (one & a) | (half & b)
      one = half ^ b
      a = (words[w + 6] as number) ^ (query[q + 6] as number)
      b = (words[w + 7] as number) ^ (query[q + 7] as number)
      half = one ^ a
      twoB = (one & a) | (half & b)
      one = half ^ b
      half = two ^ twoA
      const fourB = (two & twoA) | (half & twoB)
      two = half ^ twoB
      half = four ^ fourA
      eights += ones((four & fourA) | (half & fourB))
      four = half ^ fourB
    }
    into[sketch] = 8 * eights + 4 * ones(four) + 2 * ones(two) + ones(one)
  }
}
