// System calls that somebody's filter around the runtime denies, as in a container: it works, or one sentence names the call.

import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { ENOSYS, EPERM } from '../native/abi/errno.ts'
import { callNumbers } from '../native/arch/numbers.ts'
import { makeBundle } from './lib/bundle.ts'
import { command, removeLater } from './lib/container.ts'
import { have } from './lib/machine.ts'
import { must, run } from './lib/run.ts'
import { isTsrun, repository, runtime } from './lib/runtime.ts'
import { fresh, sceneDirectory } from './lib/scene.ts'
import { leavesNothing } from './lib/snapshot.ts'

leavesNothing()

const NAMES = [
  ...(['close_range', 'clone3', 'openat2', 'fsopen', 'open_tree', 'move_mount'] as const),
  ...(['mount_setattr', 'pidfd_open', 'memfd_create', 'statx'] as const),
]
const program = join(sceneDirectory, 'deny')
const skip = !isTsrun || !have('cc')

beforeAll(() => {
  if (!skip) must(['cc', '-static', '-o', program, join(repository, 'conformance/lib/deny.c')])
})

const denying = (name: (typeof NAMES)[number], errno: number) => [program, `${callNumbers.x86_64[name]}`, `${errno}`]

test.skipIf(skip).each(
  NAMES.flatMap(
    name =>
      [
        [name, 'EPERM', EPERM],
        [name, 'ENOSYS', ENOSYS],
      ] as const,
  ),
)('%s that says %s is named, with what denies it, and doctor finds it (tsrun only)', (name, code, errno) => {
  const { directory } = makeBundle(config => {
    config.process.args = ['true']
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  const { status, stderr } = run([...denying(name, errno), ...words])
  if (status !== 0)
    expect(stderr).toMatch(
      new RegExp(
        `^tsrun: run .*${name}.*: ${code} \\(the seccomp filter that tsrun itself runs under denies it, [^\\n]*\\)\\n$`,
      ),
    )
  const { stdout } = run([...denying(name, errno), runtime.path, 'doctor'])
  expect(stdout).toMatch(new RegExp(`problem +kernel: system calls are (missing|denied): ${name}\\n`))
})
