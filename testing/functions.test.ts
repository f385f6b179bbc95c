// A function fits on a screen.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite' // which vitest brings along
import { expect, test } from 'vitest'

const MOST_LINES = 60

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** All that is in it, however deep. */
function* nodesIn(value: unknown): Iterable<Node> {
  if (Array.isArray(value)) for (const entry of value) yield* nodesIn(entry)
  else if (isNode(value)) {
    yield value
    for (const entry of Object.values(value)) yield* nodesIn(entry)
  }
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

test(`no function has more than ${MOST_LINES} lines`, () => {
  const long: string[] = []
  for (const folder of ['src', 'native'])
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
      const file = join(folder, name)
      const text = readFileSync(file, 'utf8')
      const line = (offset: number) => text.slice(0, offset).split('\n').length
      for (const { type, start, end } of nodesIn(parseSync(file, text).program))
        if (FUNCTIONS.has(type) && line(end) - line(start) >= MOST_LINES) long.push(`${file}:${line(start)}`)
    }
  expect(long).toEqual([])
})
