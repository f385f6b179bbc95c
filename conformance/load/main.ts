// npm run proof load -- --minutes N [--only NAME]: faults and load, for as long as one likes; `--only kills --kills N` until so
// many have hit a living process. The parts are the tests of load.test.ts, which go on for seconds only.

import { parseArgs } from 'node:util'
import { hasFailed, type Row, table } from './part.ts'
import { parts } from './parts.ts'
import { Place } from './place.ts'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string' },
    kills: { type: 'string' },
    only: { type: 'string', multiple: true },
  },
})

const chosen = parts.filter(({ name }) => options.only === undefined || options.only.includes(name))
if (chosen.length === 0) throw new Error(`--only: there are ${parts.map(({ name }) => name).join(', ')}`)
const { kills, minutes = kills === undefined ? '1' : 'Infinity' } = options
const share = (Number(minutes) * 60_000) / chosen.length

const rows: Row[] = []
for (const part of chosen) {
  using place = new Place()
  const end = Date.now() + share
  const begin = performance.now()
  const found = await part.run(place, (hits = 0) => Date.now() < end && hits < Number(kills ?? 'Infinity'))
  console.error(`${part.name}: ${((performance.now() - begin) / 1000).toFixed(0)} s`)
  rows.push(...found.map(({ name, figures }) => ({ name: `${part.name}: ${name}`, figures })))
}
console.log(table(rows))
const failed = rows.filter(({ figures }) => hasFailed(figures))
for (const { name, figures } of failed)
  for (const line of [...figures.left, ...figures.problems]) console.log(`${name}: ${line}`)
process.exitCode = failed.length > 0 ? 1 : 0
