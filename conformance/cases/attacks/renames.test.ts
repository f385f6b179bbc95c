// Renames anywhere on the machine, which make the kernel give up on a path with `..` below a root: see openat2(2), EAGAIN.
// RENAMED_RUNS says how many containers there are beside them.

import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { type Change, createRunning, oci, removeLater, runBundle, tryCreate } from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { have } from '../../lib/machine.ts'
import { launch } from '../../lib/run.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const ROUNDS = Number(process.env['RENAMED_RUNS'] ?? 12)

/** Somebody renames a file of his own at full speed, until the test ends. */
function renamer(): void {
  const directory = makeDirectory()
  const program = join(directory, 'rename')
  compile('rename', program)
  const { child } = launch([program, directory], { timeout: 3_600_000 })
  later(() => void child.kill('SIGKILL'))
}

/** An image as many are: /var/run is a link with `..`, and paths lead through it. */
const climbing: Change = (config, rootfs) => {
  mkdirSync(join(rootfs, 'run/lock'), { recursive: true })
  symlinkSync('../run', join(rootfs, 'var/run'))
  symlinkSync('../../run/../etc/group', join(rootfs, 'run/lock/link'))
  config.mounts.push({ destination: '/var/run/secrets', type: 'tmpfs', source: 'tmpfs' })
  config.linux.maskedPaths!.push('/var/run/lock/link')
  config.process.cwd = '/var/run/../run'
}

test.skipIf(!have('cc'))(
  'beside renames at full speed every container is created and run, and every exec gets in',
  () => {
    renamer()
    const bundle = makeBundle((config, rootfs) => {
      climbing(config, rootfs)
      // What is masked must be: a mask that was given up would be a hole.
      config.process.args = ['sh', '-c', 'test ! -s /etc/group && pwd']
    })
    const running = createRunning(climbing)
    for (let round = 0; round < ROUNDS; round++) {
      expect(runBundle(bundle)).toMatchObject({ status: 0, stdout: '/run\n', stderr: '' })
      expect(exec(running, ['pwd'], ['--cwd', '/var/run/../var/run'])).toMatchObject({ status: 0, stdout: '/run\n' })
      const id = removeLater(fresh())
      expect(tryCreate(bundle, [], id).created).toMatchObject({ status: 0, stderr: '' })
      expect(oci(['delete', '--force', id])).toMatchObject({ status: 0 })
    }
  },
  ROUNDS * 5_000 + 60_000,
)
