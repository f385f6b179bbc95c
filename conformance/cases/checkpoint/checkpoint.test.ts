// `checkpoint` and `restore`: what a container had in memory, in its cgroup and on its connections goes on.

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import {
  COUNT,
  checkpoint,
  count,
  counts,
  it,
  mustCheckpoint,
  quietly,
  restore,
  running,
  when,
} from '../../lib/checkpoint.ts'
import { command, oci, removeLater, stateOf } from '../../lib/container.ts'
import { criu, savesConnections, servesPages, tracksMemory } from '../../lib/criu.ts'
import { recordCriu } from '../../lib/criuRecorder.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have, hostMounts, isAlive, isPureV2 } from '../../lib/machine.ts'
import { eventually, launch, must, run, sleep } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

it('processes go on where they were, and the first container is gone', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  const last = count(scene)
  expect(oci(['state', scene.id]).stderr).toContain('does not exist')
  sleep(100)
  expect(count(scene)).toBe(last)

  const pidFile = join(makeDirectory(), 'pid')
  const id = restore(scene, '--pid-file', pidFile)
  expect(counts(scene, last + 2)).toBeGreaterThan(last)
  const { status, pid } = stateOf(id)
  expect(status).toBe('running')
  expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(pid))
  expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(id)
  if (isCrun) return // exec of 1.8 enters a container that has a time namespace with an error
  expect(oci(['exec', id, 'hostname']).stdout).toBe('inside\n')
  expect(oci(['exec', id, 'sh', '-c', 'mount | grep -c " /proc/keys "; ls /dev/null']).stdout).toBe('1\n/dev/null\n')
})

it('a restored container can be paused, killed, deleted, and made a checkpoint of again', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  const id = restore(scene)
  counts(scene, count(scene))
  expect(oci(['pause', id]).status).toBe(0)
  expect(stateOf(id).status).toBe('paused')
  expect(oci(['resume', id]).status).toBe(0)
  const again = { ...scene, id, images: join(makeDirectory(), 'images') }
  mustCheckpoint(again)
  const last = count(scene)
  const third = restore(again)
  counts(scene, last)
  const { pid } = stateOf(third)
  expect(oci(['kill', third, 'KILL']).status).toBe(0)
  eventually('its end', () => !isAlive(pid!))
  expect(oci(['delete', third]).status).toBe(0)
})

it('with --leave-running it goes on', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene, '--leave-running')
  const last = count(scene)
  counts(scene, last + 2)
  expect(stateOf(scene.id).status).toBe('running')
  oci(['delete', '--force', scene.id])
  const later = count(scene)
  restore(scene)
  eventually('the number of then', () => count(scene) < later || count(scene) > later + 2)
})

it('in the foreground, restore waits, gives the exit code, and deletes the container', async () => {
  const scene = running('while [ ! -e /go ]; do sleep 0.02; done; exit 7')
  mustCheckpoint(scene)
  const id = removeLater(fresh())
  const words = ['restore', '--image-path', scene.images, '--bundle', scene.bundle.directory, id]
  const { done } = launch(['sh', '-c', 'exec "$@" </dev/null >/dev/null', 'sh', ...command(...words)])
  eventually('the container', () => oci(['state', id]).status === 0)
  writeFileSync(join(scene.bundle.rootfs, 'go'), '')
  expect(await done).toMatchObject({ status: 7, signal: null })
  expect(oci(['state', id]).status).not.toBe(0)
})

/**
 * A process that has 3 MB and does nothing with them. A shell that counts would not do: when its heap grows by a page, the
 * kernel takes all of it for changed.
 */
const HOLD = `(head -c 3000000 /dev/zero | tr '\\0' x; touch /held; exec sleep 1000) | tail -c 3000000 &
  until [ -e /held ]; do sleep 0.05; done`

when(tracksMemory)('a pre-dump, and a checkpoint that stores what has changed since', () => {
  const scene = running(`${HOLD}; ${COUNT}`)
  counts(scene)
  const directory = makeDirectory()
  const first = { ...scene, images: join(directory, 'first') }
  const second = { ...scene, images: join(directory, 'second') }
  mustCheckpoint(first, '--pre-dump')
  counts(scene, count(scene))
  expect(stateOf(scene.id).status).toBe('running')
  mustCheckpoint(second, '--parent-path', '../first')
  const size = (path: string) => Number(must(['du', '-s', '--apparent-size', path]).split('\t')[0])
  expect(size(second.images)).toBeLessThan(size(first.images) / 2)
  const last = count(scene)
  restore(second)
  counts(scene, last)
})

when(isTsrun)('in a directory of another user the checkpoint is the same, and files of root', () => {
  const theirs = makeDirectory()
  chownSync(theirs, 65534, 65534)
  symlinkSync('/nowhere', join(theirs, 'inventory.img'))
  const log = makeDirectory()
  chmodSync(log, 0o1777)
  const scene = { ...running(), images: theirs }
  counts(scene)
  mustCheckpoint(scene, '--leave-running', '--work-path', log)
  const images = readdirSync(theirs)
  expect(images).toContain('descriptors.json')
  expect(images.map(name => lstatSync(join(theirs, name))).filter(file => !file.isFile() || file.uid !== 0)).toEqual([])
  expect(readdirSync(log).sort()).toEqual(['dump.log', 'stats-dump'])
  mustCheckpoint(scene)
  const last = count(scene)
  restore(scene, '--work-path', log)
  counts(scene, last)
  expect(readdirSync(log).sort()).toEqual(['dump.log', 'restore.log', 'stats-dump', 'stats-restore'])
})

when(tracksMemory, isTsrun)('in a directory of another user the parent is found, too', () => {
  const theirs = makeDirectory()
  chownSync(theirs, 65534, 65534)
  const scene = running()
  const place = (name: string) => {
    mkdirSync(join(theirs, name))
    chownSync(join(theirs, name), 65534, 65534)
    return { ...scene, images: join(theirs, name) }
  }
  mustCheckpoint(place('first'), '--pre-dump')
  const second = place('second')
  mustCheckpoint(second, '--parent-path', '../first')
  expect(readlinkSync(join(second.images, 'parent'))).toBe('../first')
  const last = count(scene)
  restore(second)
  counts(scene, last)
})

when(!tracksMemory, isTsrun)('without a kernel that tracks memory, --pre-dump says so', () => {
  const scene = running()
  expectOneSentence(checkpoint(scene, '--pre-dump'), /--pre-dump needs a kernel that tracks changes of memory/)
  counts(scene, count(scene))
})

/** A client in the container that counts, by way of a server that sends back what it gets. */
const TALK = `mkfifo /in; nc -l -p 77 -e cat & sleep 0.3; exec 3<>/in; echo 1 >&3; nc 127.0.0.1 77 <&3 | while read n; do
  n=$((n+1)); echo $n > /count.new; mv /count.new /count; sleep 0.02; echo $n >&3; done`

// With runc the network is not reachable yet when CRIU connects.
when(
  have('iptables'),
  savesConnections,
  !isRunc,
)('established connections go on with --tcp-established, and are refused without', () => {
  const scene = running(TALK)
  counts(scene)
  const refused = checkpoint(scene)
  expectOneSentence(refused, /CRIU can not checkpoint container .*[Cc]onnected TCP socket.* \(see `.*dump\.log`\)/)
  counts(scene, count(scene)) // it goes on as if nothing had been
  mustCheckpoint(scene, '--tcp-established')
  const last = count(scene)
  restore(scene, '--tcp-established')
  counts(scene, last + 2)
})

// runc has no --tcp-close.
when(
  have('iptables'),
  savesConnections,
  !isRunc,
)('with --tcp-close they end, and are refused with neither option', () => {
  const scene = running(`${TALK}; echo over > /over; sleep 1000`)
  counts(scene)
  mustCheckpoint(scene, '--tcp-established')
  const last = count(scene)
  const place = ['--image-path', scene.images, '--bundle', scene.bundle.directory]
  expectOneSentence(quietly(['restore', '-d', ...place, fresh()]), /CRIU can not restore .*Connected TCP socket/)
  const id = restore(scene, '--tcp-close')
  eventually('the end of the connection', () => existsSync(join(scene.bundle.rootfs, 'over')))
  expect(count(scene)).toBeLessThan(last + 3)
  expect(stateOf(id).status).toBe('running')
})

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

when(servesPages === true, !isCrun)('with --lazy-pages memory is fetched after the restore', async () => {
  // Without all of its memory it does not count.
  const step = `[ \${#big} = 3000000 ] && n=$((n+1)); echo $n > /count.new; mv /count.new /count`
  const scene = running(`big=$(head -c 3000000 /dev/zero | tr '\\0' x); n=0; while sleep 0.02; do ${step}; done`)
  counts(scene)
  const [work, status] = [makeDirectory(), join(makeDirectory(), 'status')]
  const port = String(await freePort())
  const flags = ['--lazy-pages', '--page-server', `127.0.0.1:${port}`, '--status-fd', '3', '--work-path', work]
  const words = command('checkpoint', '--image-path', scene.images, ...flags, scene.id)
  const first = launch(['sh', '-c', 'exec 3> "$0"; exec "$@"', status, ...words])
  eventually('the server', () => existsSync(status) && readFileSync(status).length === 1)
  const last = count(scene)
  const size = Number(must(['du', '-sk', scene.images]).split('\t')[0])
  expect(size).toBeLessThan(1000)
  const place = ['--address', '127.0.0.1', '--port', port, '-D', scene.images, '-o', join(work, 'lazy.log')]
  const pages = launch([criu!, 'lazy-pages', '--page-server', ...place])
  eventually('who fetches', () => existsSync(join(scene.images, 'lazy-pages.socket')))
  restore(scene, '--lazy-pages', '--work-path', scene.images)
  counts(scene, last + 2)
  expect(await pages.done).toMatchObject({ status: 0 })
  expect(await first.done).toMatchObject({ status: 0, stderr: '' })
  expect(oci(['state', scene.id]).stderr).toContain('does not exist')
})

when(servesPages === false, isTsrun)('without large pipes, checkpoint --lazy-pages says so', () => {
  const scene = running()
  counts(scene)
  expectOneSentence(checkpoint(scene, '--lazy-pages'), /needs CAP_SYS_RESOURCE, or 4194304 in .*pipe-max-size/)
  counts(scene, count(scene))
})

/** A tree of version 1; a cpuset could not be joined as it is. */
const version1 = hostMounts().find(({ type, superOptions }) => type === 'cgroup' && !superOptions.includes('cpuset'))

when(isTsrun, version1 !== undefined)('a cgroup of version 1 that its creator was in is not made again', () => {
  const folder = join(version1!.target, fresh())
  mkdirSync(folder)
  later(() => run(['rmdir', folder]))
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', COUNT]
  })
  const scene = { id: removeLater(fresh()), bundle, images: join(makeDirectory(), 'images') }
  const enter = 'echo $$ > "$0/cgroup.procs"; exec "$@" > /dev/null 2>&1'
  must(['sh', '-c', enter, folder, ...command('run', '-d', '--bundle', bundle.directory, scene.id)])
  counts(scene)
  mustCheckpoint(scene)
  eventually('the folder to be empty', () => run(['rmdir', folder]).status === 0)
  const last = count(scene)
  restore(scene)
  counts(scene, last)
  expect(existsSync(folder)).toBe(false)
})

const limitsPids = isPureV2() && readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').includes('pids')

when(limitsPids)('limits of config.json hold after restore', () => {
  const scene = running(COUNT, config => {
    config.linux.resources!['pids'] = { limit: 30 }
  })
  counts(scene)
  mustCheckpoint(scene)
  scene.bundle.config.linux.resources!['pids'] = { limit: 40 }
  scene.bundle.save()
  const { pid } = stateOf(restore(scene))
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!
  expect(readFileSync(join('/sys/fs/cgroup', path, 'pids.max'), 'utf8')).toBe('40\n')
})

it('an unknown name, and a container that is created only or has stopped, are refused', () => {
  const bundle = makeBundle()
  const images = join(makeDirectory(), 'images')
  expectOneSentence(checkpoint({ id: fresh(), bundle, images }), /container `.*` does not exist/)
  const id = removeLater(fresh())
  must(['sh', '-c', '"$@" >/dev/null 2>&1', 'sh', ...command('create', '--bundle', bundle.directory, id)])
  expectOneSentence(checkpoint({ id, bundle, images }), /container cannot be checkpointed in created state/)
  oci(['start', id])
  eventually('its end', () => stateOf(id).status === 'stopped')
  expectOneSentence(checkpoint({ id, bundle, images }), /container cannot be checkpointed in stopped state/)
})

it('restore to a name that is taken, without a checkpoint, or without the bundle, is refused and leaves nothing', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene, '--leave-running')
  const place = ['--bundle', scene.bundle.directory]
  const from = ['--image-path', scene.images]
  expectOneSentence(quietly(['restore', '-d', ...from, ...place, scene.id]), /already exists/)
  expect(stateOf(scene.id).status).toBe('running')
  oci(['delete', '--force', scene.id])

  const empty = makeDirectory()
  const nowhere = ['--image-path', join(empty, 'nothing')]
  expectOneSentence(
    quietly(['restore', '-d', ...nowhere, ...place, fresh()]),
    /--image-path: `.*nothing` does not exist/,
  )
  expectOneSentence(quietly(['restore', '-d', '--image-path', empty, ...place, fresh()]), /no checkpoint in `.*`/)
  expectOneSentence(quietly(['restore', '-d', ...from, '--bundle', empty, fresh()]), /config\.json` does not exist/)
  rmSync(join(scene.images, 'pstree.img'))
  expectOneSentence(quietly(['restore', '-d', ...from, ...place, fresh()]), /CRIU can not restore .*restore\.log/)
})

it('the log goes to the work path, the checkpoint has descriptors.json', () => {
  const scene = running()
  counts(scene)
  const work = isCrun ? makeDirectory() : join(makeDirectory(), 'work')
  mustCheckpoint(scene, '--work-path', work)
  expect(existsSync(join(work, 'dump.log'))).toBe(true)
  expect(existsSync(join(scene.images, 'dump.log'))).toBe(false)
  expect(JSON.parse(readFileSync(join(scene.images, 'descriptors.json'), 'utf8'))).toHaveLength(3)
  restore(scene, '--work-path', work)
  expect(existsSync(join(work, 'restore.log'))).toBe(true)
})

it('CRIU reads the configuration file of the annotation', () => {
  const file = join(makeDirectory(), 'criu.conf')
  writeFileSync(file, 'log-file by-annotation.log\n')
  const scene = running(COUNT, config => {
    config.annotations = { 'org.criu.config': file }
  })
  counts(scene)
  mustCheckpoint(scene)
  expect(existsSync(join(scene.images, 'by-annotation.log'))).toBe(true)
})

// These need no CRIU that works.

test.skipIf(!isTsrun)('without CRIU both commands say what is missing, and features that they do not work', () => {
  const env = { ...process.env, PATH: makeDirectory() }
  const words = ['restore', '--bundle', makeBundle().directory, fresh()]
  const missing = /CRIU is not installed: there is no program criu in PATH \(.*\); install the package criu/
  expectOneSentence(oci(words, { env }), missing)
  const { stdout } = oci(['features'], { env })
  expect(JSON.parse(stdout).annotations).toMatchObject({ 'org.opencontainers.runc.checkpoint.enabled': 'false' })
})

/** What a restore asks of CRIU. */
function askedFor(...flags: string[]) {
  return askedForStreams(Array(3).fill('/dev/null'), ...flags)
}

/** The same with what is in descriptors.json. */
function askedForStreams(streams: readonly string[], ...flags: string[]) {
  const recorder = recordCriu()
  const images = makeDirectory()
  writeFileSync(join(images, 'descriptors.json'), JSON.stringify(streams))
  const words = ['restore', '-d', '--image-path', images, '--bundle', makeBundle().directory, ...flags, fresh()]
  expect(oci(words, { env: recorder.env }).stderr).toMatch(/CRIU can not restore/)
  return recorder.requests().find(({ opts }) => opts !== undefined)!.opts!
}

test.skipIf(!isTsrun)('restore hands labels and what is to become of connections on to CRIU', () => {
  expect(askedFor()).not.toHaveProperty('lsm_profile')
  const labels = ['--lsm-profile', 'apparmor:web', '--lsm-mount-context', 'system_u:object_r:container_file_t:s0:c1,c2']
  expect(askedFor(...labels)).toMatchObject({
    lsm_profile: 'apparmor:web',
    lsm_mount_context: 'system_u:object_r:container_file_t:s0:c1,c2',
  })
  expect(askedFor('--tcp-close')).toMatchObject({ tcp_close: true })
  expect(askedFor('--tcp-established', '--file-locks')).toMatchObject({ tcp_established: true, file_locks: true })
})

test.skipIf(!isTsrun)('who has altered descriptors.json gets nothing of what CRIU itself has open', () => {
  const streams = Array.from({ length: 40 }, (_, index) => `pipe:[${index + 1}]`)
  const { inherit_fd: given } = askedForStreams(streams)
  expect(given).toEqual([0, 1, 2].map(fd => ({ key: `pipe:[${fd + 1}]`, fd })))
})

/** See CVE-2026-115520 (crun) and CVE-2026-119101 (runc): CRIU ends the name of an external mount there. */
const MISREAD = /`.*\/x\]:\/y`: CRIU takes `\]:` in a path for the end of it/

test.skipIf(!isTsrun)('no mount gets the name of another by links of the image', () => {
  const { env, requests } = recordCriu()
  const { id } = running('sleep 100', (config, rootfs) => {
    config.mounts!.push({ destination: '/data', type: 'bind', source: makeDirectory(), options: ['bind'] })
    symlinkSync('/x]:/y', join(rootfs, 'data'))
  })
  expectOneSentence(oci(['checkpoint', '--image-path', makeDirectory(), id], { env }), MISREAD)
  expect(requests().filter(({ opts }) => opts !== undefined)).toEqual([])
  expect(stateOf(id).status).toBe('running')
})

test.skipIf(!isTsrun)('restore does not hand on a name of a mount that CRIU would misread', () => {
  const { env } = recordCriu()
  const images = makeDirectory()
  writeFileSync(join(images, 'descriptors.json'), JSON.stringify(Array(3).fill('/dev/null')))
  const bundle = makeBundle(config => {
    config.mounts!.push({ destination: '/x]:/y', type: 'bind', source: makeDirectory(), options: ['bind'] })
  })
  const words = ['restore', '-d', '--image-path', images, '--bundle', bundle.directory, fresh()]
  expectOneSentence(oci(words, { env }), MISREAD)
})

test.skipIf(!isTsrun)('--lsm-profile is refused by a CRIU that would leave it out', () => {
  const { env } = recordCriu({ major_number: 3, minor_number: 15 })
  const images = makeDirectory()
  writeFileSync(join(images, 'descriptors.json'), '[]')
  const words = ['restore', '-d', '--image-path', images, '--bundle', makeBundle().directory]
  const refused = oci([...words, '--lsm-profile', 'selinux:a:b:c:s0', fresh()], { env })
  expectOneSentence(refused, /--lsm-profile .* needs CRIU 3\.16 or newer; this one is 3\.15/)
})

test('checkpoint --help succeeds, by which engines find out that there is one', () => {
  const { status, stdout } = oci(['checkpoint', '--help'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/--image-path/)
})

test.skipIf(!isTsrun)('a command line that makes no sense is refused', () => {
  const refused = (...words: string[]) => oci([...words, fresh()])
  expectOneSentence(refused('checkpoint', '--page-server', 'nowhere'), /--page-server: must be ADDRESS:PORT/)
  expectOneSentence(refused('checkpoint', '--manage-cgroups-mode', 'hard'), /hard/)
  expectOneSentence(refused('checkpoint', '--status-fd', 'x'), /--status-fd/)
})
