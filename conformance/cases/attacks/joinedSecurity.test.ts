// What a container that joins the pid namespace of another one shows to that: who mounts its procfs
// (src/rootfs/joinedFilesystems.ts), and its first process.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { capabilities as capabilityNumbers } from '../../../native/abi/capability.ts'
import { makeBundle } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import type { Config } from '../../lib/config.ts'
import { command, create, oci, removeLater } from '../../lib/container.ts'
import { field, have, isRoot } from '../../lib/machine.ts'
import { eventually, launch, must, PATIENCE } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { meetStopper } from '../../lib/stopper.ts'

leavesNothing()

const it = test.skipIf(!isTsrun || !isRoot || !have('cc'))
const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

/** Who mounts is in our user namespace, and the first process in its own. */
function isHelper(pid: string): boolean {
  return readlinkSync(`/proc/${pid}/ns/user`) === readlinkSync('/proc/self/ns/user')
}

/** With the pid namespace of another container, and a user namespace that does not own it. */
function joining(pid: number) {
  return (config: Config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
    config.linux.namespaces.push({ type: 'pid', path: `/proc/${pid}/ns/pid` }, { type: 'user' })
    config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
    config.linux.gidMappings = config.linux.uidMappings
    config.process.args = ['true']
  }
}

it('create in the pid namespace of a container that stops everybody ends at a signal, and leaves nobody there (tsrun only)', async () => {
  const holder = create(['/holder'], (_, rootfs) => {
    compile('holder', join(rootfs, 'holder'))
  })
  expect(holder.start().status).toBe(0)
  eventually('the program to stop others', () => holder.output().includes('ready') || undefined)
  const own = holder.state().pid!
  must(['renice', '-n', '-20', '-p', `${own}`])
  const theirs = readlinkSync(`/proc/${own}/ns/pid`)
  const newcomers = () =>
    readdirSync('/proc').filter(pid => {
      try {
        return readlinkSync(`/proc/${pid}/ns/pid`) === theirs && Number(pid) !== own
      } catch {
        return false // no process, or gone
      }
    })
  const { directory } = makeBundle(joining(own))
  let met = 0
  for (let round = 0; round < 60 && met === 0; round += 1) {
    const id = removeLater(fresh())
    const { child, done } = launch(command('create', '--bundle', directory, id), { timeout: 20_000 })
    while (child.exitCode === null && newcomers().length === 0) await pause(10)
    await pause(100 * PATIENCE)
    met += newcomers().filter(isHelper).length
    child.kill(round % 2 ? 'SIGTERM' : 'SIGKILL')
    await done
    eventually('what has been stopped to be gone', () => newcomers().length === 0, 3000)
    oci(['delete', '--force', id])
  }
  expect(met).toBeGreaterThan(0)
  expect(oci(['delete', '--force', holder.id]).status).toBe(0)
})

/** All that we have ourselves. */
function ownCapabilities(): string[] {
  const own = BigInt(`0x${field(readFileSync('/proc/self/status', 'utf8'), 'CapPrm')}`)
  return Object.entries(capabilityNumbers)
    .filter(([, number]) => (own >> BigInt(number)) & 1n)
    .map(([name]) => name)
}

it('a container with all rights but CAP_SYS_PTRACE finds nothing in what another one brings into its pid namespace (tsrun only)', async () => {
  const found = await meetStopper(
    config => {
      const all = ownCapabilities().filter(name => name !== 'CAP_SYS_PTRACE')
      for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities![set] = all
    },
    holder => {
      const { directory } = makeBundle(joining(holder.state().pid!))
      oci(['run', '--bundle', directory, removeLater(fresh())])
    },
    2,
  )
  expect(found).toEqual([])
})
