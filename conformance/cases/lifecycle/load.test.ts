// Faults and load, for some seconds each; `npm run proof load -- --minutes N` goes on for longer, and shows figures.

import { expect, test } from 'vitest'
import { isTsrun } from '../../lib/runtime.ts'
import { table } from '../../load/part.ts'
import { parts } from '../../load/parts.ts'
import { Place } from '../../load/place.ts'

const SECONDS = Number(process.env['LOAD_SECONDS'] ?? 5)

test.skipIf(!isTsrun).each(parts.map(part => [part.name, part] as const))(
  'load: %s (tsrun only)',
  async (_, part) => {
    using place = new Place()
    const end = Date.now() + SECONDS * 1000
    const rows = await part.run(place, () => Date.now() < end)
    console.log(table(rows))
    expect(
      rows.flatMap(({ name, figures }) => [...figures.left, ...figures.problems].map(line => `${name}: ${line}`)),
    ).toEqual([])
    expect(rows.some(({ figures }) => figures.tries > 0)).toBe(true)
  },
  SECONDS * 1000 + 300_000,
)
