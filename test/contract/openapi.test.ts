import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, describe, expect, it } from 'vitest'
import { startApi } from './api'
import snapshot from './openapi.json'

const api = await startApi()
afterAll(() => api.stop())

describe('the OpenAPI document', () => {
  it('is the one that is committed: `npm run openapi` writes it anew', () => expect(api.document).toEqual(snapshot))

  it('is valid OpenAPI 3.1, references included', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(snapshot))
    expect(errors).toBeUndefined()
    expect([valid, validator.version]).toEqual([true, '3.1'])
    const text = JSON.stringify(snapshot)
    const missing = [...text.matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)].filter(([, kind = '', name = '']) => {
      const components = snapshot.components as Record<string, Record<string, unknown>>
      return components[kind]?.[name] === undefined
    })
    expect(missing).toEqual([])
    expect(text.match(/"\$ref":"[^#]/g)).toBeNull()
  })
})
