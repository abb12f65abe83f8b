/** The cosine of the angle between two vectors of unit length. */
export const cosine = (a: ArrayLike<number> = [], b: ArrayLike<number> = []): number =>
  Array.from(a).reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)

/** The length of a vector. */
export const lengthOf = (vector: ArrayLike<number>): number => Math.hypot(...Array.from(vector))
