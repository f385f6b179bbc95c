import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generate } from '../scripts/generate.ts'

const folder = new URL('generated/', import.meta.url)

test('spec/generated is what `npm run generate spec` writes', { timeout: 60_000 }, async () => {
  const files = await generate()
  expect(readdirSync(folder).sort()).toEqual([...files.keys()].sort())
  for (const [file, text] of files) expect(readFileSync(new URL(file, folder), 'utf8'), file).toBe(text)
})

test('the validators stand alone: they import nothing and name no host object', () => {
  for (const file of readdirSync(folder).filter(name => name.endsWith('.js'))) {
    // The limit on lines breaks words in strings.
    const text = readFileSync(new URL(file, folder), 'utf8').replaceAll('\\\n', '')
    expect(text, file).not.toMatch(/\bimport\b|\brequire\b|\bprocess\.|\bconsole\b|\bglobalThis\b/)
  }
})
