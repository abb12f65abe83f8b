import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { configurationPage } from '../../src/local/configuration'

const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)),
].filter((file) => file.endsWith('.md'))

it('the configuration page is what the schema says (npm run docs writes it)', () => {
  expect(readFileSync('docs/configuration.md', 'utf8')).toBe(configurationPage())
})

it.each(pages)('%s links and names only files that exist', (page) => {
  const text = readFileSync(page, 'utf8')
  const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)].map((m) => join(dirname(page), m[1] as string))
  const named = [...text.matchAll(/`((?:src|durable-objects|migrations|test|docs)\/[\w./-]+\.(?:ts|mjs|md|sql|json|toml))`/g)].map(
    (m) => m[1] as string,
  )
  expect([...links, ...named].filter((file) => !existsSync(file))).toEqual([])
})
