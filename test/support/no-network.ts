/** Nothing under test reaches beyond this machine, also not a delivery that is still owed when its test is over. */
const local = /^(127\.|localhost$|\[::1\]$|loci\.test$)/
const real = globalThis.fetch

if (!('guarded' in real)) {
  const guard = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const { hostname } = new URL(input instanceof Request ? input.url : input)
    return local.test(hostname) ? real(input, init) : Promise.reject(new TypeError(`connection refused: ${hostname}`))
  }
  globalThis.fetch = Object.assign(guard, { guarded: true }) as typeof fetch
}
