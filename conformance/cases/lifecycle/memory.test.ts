// What a created container is made of while it waits: a few pages of a sealed memfd, nothing of an engine.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { expect, test } from 'vitest'
import { create } from '../../lib/container.ts'
import { field } from '../../lib/machine.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const RSS_LIMIT_KIB = 200

test.skipIf(!isTsrun)('the executable of a created container is a memfd (tsrun only)', () => {
  const { pid } = create(['true']).state()
  expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/^\/memfd:/)
})

test.skipIf(!isTsrun)(`a created container holds less than ${RSS_LIMIT_KIB} KiB of memory (tsrun only)`, () => {
  const { pid } = create(['true']).state()
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const resident = Number.parseInt(field(status, 'VmRSS'), 10)
  console.log(`VmRSS of a created container: ${resident} KiB`)
  expect(resident).toBeGreaterThan(0)
  expect(resident).toBeLessThan(RSS_LIMIT_KIB)
})

test.skipIf(!isTsrun)(
  'a created container has one thread and no descriptor of the host besides its streams (tsrun only)',
  () => {
    const { pid } = create(['true']).state()
    expect(readdirSync(`/proc/${pid}/task`)).toHaveLength(1)
    const targets = readdirSync(`/proc/${pid}/fd`)
      .filter(name => Number(name) > 2)
      .map(name => readlinkSync(`/proc/${pid}/fd/${name}`))
    // The start fifo may be among them; a file or directory of the host must not.
    expect(targets.filter(target => target.startsWith('/') && !/fifo|memfd/.test(target))).toEqual([])
  },
)
