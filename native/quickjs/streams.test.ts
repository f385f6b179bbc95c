import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { compilers } from '../../testing/compiler.ts'

const scratch = mkdtempSync(join(tmpdir(), 'tsrun-streams-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** Its exit code is the number of the first descriptor that it opens. */
const PROGRAM = `#include "streams.h"
int main(void) { return open_streams() ? open("/", O_RDONLY) : 99; }`

const compiler = compilers.find(({ name }) => name === 'cc')

test.skipIf(compiler === undefined)('closed standard streams are opened before anything else is', () => {
  const source = join(scratch, 'program.c')
  const program = join(scratch, 'program')
  writeFileSync(source, PROGRAM)
  expect(spawnSync('cc', ['-Inative/quickjs', '-Wall', '-Werror', '-o', program, source]).status).toBe(0)
  for (const closed of ['', '<&-', '>&-', '2>&-', '<&- 2>&-', '<&- >&- 2>&-'])
    expect(spawnSync('sh', ['-c', `exec ${program} ${closed}`]).status, closed).toBe(3)
})
