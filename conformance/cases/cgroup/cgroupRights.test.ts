// Root of a container in a user namespace owns the container's cgroup, and is the user without privileges who owns the
// container. It takes away rights to the cgroup, or gives cgroups below to another id: the container is looked at, ended and
// deleted all the same.

import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { type Config, grantRights } from '../../lib/config.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { eventually, must, run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { makeRootless, withUser } from '../../lib/user.ts'
import { delegatedV2 } from '../../lib/views.ts'

leavesNothing()
const user = withUser()

const skip = !isTsrun || !isRoot || !have('newuidmap')

/** A container of the user's that runs in a cgroup of the user's and has done this in it. */
function startInOwnCgroup(script: string, change: (config: Config) => void = () => {}) {
  const { uid, gid } = user.current
  const delegation = delegatedV2(uid)
  later(() => delegation.remove())
  const bundle = makeBundle((config, rootfs) => {
    makeRootless(config, user.current)
    mkdirSync(join(rootfs, 'done'))
    config.linux.cgroupsPath = `/${delegation.name}/own`
    config.linux.namespaces.push({ type: 'cgroup' })
    config.mounts = config.mounts.filter(({ type }) => type !== 'cgroup')
    config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid'] })
    config.process.args = ['sh', '-c', `cd /sys/fs/cgroup && ${script} && mkdir /done/yes; exec sleep 1001`]
    change(config)
  })
  must(['chown', '-hR', `${uid}:${gid}`, bundle.directory])
  const root = join(bundle.directory, 'state')
  mkdirSync(root, { mode: 0o700 })
  chownSync(root, uid, gid)
  const id = fresh()
  const oci = (...words: string[]) =>
    run(delegation.wrap(user.current.wrap([runtime.path, '--root', root, ...words])), {
      cwd: bundle.directory,
      timeout: 30_000,
    })
  later(() => void oci('delete', '--force', id))
  const started = oci('run', '--detach', '--bundle', bundle.directory, id)
  expect(started).toMatchObject({ status: 0, stderr: '' })
  eventually('the container to have done it', () => existsSync(join(bundle.rootfs, 'done/yes')))
  return { oci, id, root }
}

const FILES = 'cgroup.procs cgroup.kill cgroup.freeze cgroup.events cgroup.threads'

const DEEDS: readonly (readonly [string, string])[] = [
  ['its cgroup', 'chmod 0 .'],
  ['writing to its cgroup', 'mkdir a && chmod 0555 .'],
  ['the files of its cgroup', `chmod 0 ${FILES}`],
  ['a cgroup below', 'mkdir -p a/b && chmod 0 a/b a'],
  ['the files of a cgroup below', `mkdir a && cd a && chmod 0 ${FILES}`],
]

test.skipIf(skip).each(DEEDS)(
  'a container that takes away rights to %s can be seen, ended and deleted',
  (_, script) => {
    const { oci, id, root } = startInOwnCgroup(script)
    const well = (...words: string[]) => expect(oci(...words)).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(oci('state', id).stdout)).toMatchObject({ status: 'running' })
    expect(oci('list').stdout).toMatch(/running/)
    expect(oci('ps', id).stdout).toMatch(/sleep/)
    well('pause', id)
    well('resume', id)
    well('kill', '--all', id, 'CONT')
    well('kill', id, 'KILL')
    eventually('its end', () => JSON.parse(oci('state', id).stdout).status === 'stopped')
    well('delete', id)
    expect(readdirSync(root)).toEqual([])
  },
)

test.skipIf(skip).each(DEEDS)('so can be deleted by force what takes away rights to %s', (_, script) => {
  const { oci, id, root } = startInOwnCgroup(script)
  expect(oci('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' })
  expect(readdirSync(root)).toEqual([])
})

test.skipIf(skip).each([
  ['a cgroup with others in it', 'mkdir -p a/b && chown 7 a'],
  ['a cgroup that nobody else may look into', 'mkdir -p a/b && chmod 700 a && chown 7 a'],
])('a container that gives %s to another id is deleted; the cgroup stays, which is told', (_, script) => {
  const { oci, id, root } = startInOwnCgroup(script, config => {
    const { uid, gid, subordinate } = user.current
    const map = (own: number) => [
      { containerID: 0, hostID: own, size: 1 },
      { containerID: 1, hostID: subordinate.first, size: subordinate.count },
    ]
    config.linux.uidMappings = map(uid)
    config.linux.gidMappings = map(gid)
    grantRights(config, ['CAP_CHOWN'])
  })
  const { status, stderr } = oci('delete', '--force', id)
  expect(status).toBe(0)
  expect(stderr).toMatch(/^tsrun: warning: delete .*: cgroup .* stays: in it are others that are not ours to remove\n$/)
  expect(readdirSync(root)).toEqual([])
})
