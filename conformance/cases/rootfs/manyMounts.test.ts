// So many mounts that what belongs to all of them is done in batches: each is still what it would be alone.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Mount } from '../../lib/config.ts'
import { createRunning, inside, runBundle } from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { hostMounts } from '../../lib/machine.ts'
import { must } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const COUNT = 120

const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...options],
})

/** Directories `d0`, `d1`, ... with a file `name`, and files `f0`, `f1`, ...; all hold their numbers. */
function sources(): string {
  const directory = makeDirectory()
  for (let i = 0; i < COUNT; i += 1) {
    mkdirSync(join(directory, `d${i}`))
    writeFileSync(join(directory, `d${i}/name`), `${i}\n`)
    writeFileSync(join(directory, `f${i}`), `${i}\n`)
  }
  return directory
}

const numbers = Array.from({ length: COUNT }, (_, i) => i)
const lines = numbers.map(i => `${i} ${i}`).join('\n')

test('directories and files come to their places, made where there is nothing', () => {
  const from = sources()
  const script = `for i in $(seq 0 ${COUNT - 1}); do echo $(cat /m/d$i/name) $(cat /m/f$i); done`
  const text = inside(script, (config, rootfs) => {
    for (const i of numbers)
      config.mounts.push(bind(`${from}/d${i}`, `/m/d${i}`), bind(`${from}/f${i}`, `/m/f${i}`, 'ro'))
    mkdirSync(join(rootfs, 'm/d7'), { recursive: true })
    writeFileSync(join(rootfs, 'm/f9'), '')
  })
  expect(text).toBe(lines)
})

test('each has the options of its own', () => {
  const from = sources()
  const words = ['ro', 'noexec', 'nosuid', 'nodev']
  const text = inside('awk \'$5 ~ "^/m/" { print $5, $6 }\' /proc/self/mountinfo', config => {
    for (const i of numbers) config.mounts.push(bind(`${from}/d${i}`, `/m/${i}`, words[i % 4]!, 'rprivate'))
  })
  const found = text.split('\n').map(line => line.split(' '))
  expect(found.map(([place]) => place)).toEqual(numbers.map(i => `/m/${i}`))
  for (const [i, [, options]] of found.entries()) {
    expect(options!.split(',')).toContain(words[i % 4])
    if (i % 4 !== 0) expect(options!.split(',')).toContain('rw')
  }
})

test('the last one at a place is on top, and one below another is in it', () => {
  const from = sources()
  mkdirSync(join(from, 'd1/below'))
  const text = inside('cat /m/same/name /m/below/name /m/same/below/name', config => {
    for (const i of numbers) config.mounts.push(bind(`${from}/d${i}`, `/other/${i}`))
    config.mounts.push(bind(`${from}/d0`, '/m/same'), bind(`${from}/d1`, '/m/same'), bind(`${from}/d2`, '/m/below'))
    config.mounts.push(bind(`${from}/d3`, '/m/same/below'))
  })
  expect(text).toBe('1\n2\n3')
})

test('a missing source among them is named', () => {
  const from = sources()
  const bundle = makeBundle(config => {
    for (const i of numbers) config.mounts.push(bind(i === 77 ? '/no/such/source' : `${from}/d${i}`, `/m/${i}`))
  })
  expectOneSentence(runBundle(bundle), /\/no\/such\/source/)
})

test.skipIf(!isTsrun)('a file over a directory among them is named (peers: an errno)', () => {
  const from = sources()
  const bundle = makeBundle((config, rootfs) => {
    for (const i of numbers) config.mounts.push(bind(`${from}/f${i}`, `/m/${i}`))
    mkdirSync(join(rootfs, 'm/88'), { recursive: true })
  })
  expectOneSentence(runBundle(bundle), /\/m\/88.*not a directory over a directory, nor a file over a file/)
})

test('what is mounted in the container over a shared source does not come back, what the host mounts comes in', () => {
  const from = sources()
  must(['mount', '--bind', from, from])
  later(() => must(['umount', '-R', from]))
  must(['mount', '--make-shared', from])
  for (const name of ['d5/in', 'd6/out']) mkdirSync(join(from, name))
  const container = createRunning(config => {
    for (const i of numbers) config.mounts.push(bind(`${from}/d${i}`, `/m/${i}`, 'rslave'))
    config.mounts.push({ destination: '/m/6/out', type: 'tmpfs', source: 'tmpfs' })
  })
  expect(hostMounts().filter(({ target }) => target.endsWith('d6/out'))).toEqual([])
  must(['mount', '-t', 'tmpfs', 'tmpfs', join(from, 'd5/in')])
  expect(exec(container, ['grep', '-c', ' /m/5/in ', '/proc/self/mounts']).stdout).toBe('1\n')
})

test('what /proc and /dev have for whoever looks is among them', () => {
  const from = sources()
  const bundle = makeBundle(config => {
    for (const i of numbers) config.mounts.push(bind(`${from}/d${i}`, `/m/${i}`))
    config.mounts.push(bind('/proc/self/exe', '/m/exe'), bind('/dev/null', '/m/null'))
    config.process.args = ['sh', '-c', 'test -s /m/exe; test -c /m/null && echo both']
  })
  expect(runBundle(bundle).stdout).toBe('both\n')
})

test('they are made for a user namespace', () => {
  const from = sources()
  const text = inside(`for i in $(seq 0 ${COUNT - 1}); do echo $(cat /m/$i/name) $i; done`, config => {
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
    for (const i of numbers) config.mounts.push(bind(`${from}/d${i}`, `/m/${i}`))
  })
  expect(text).toBe(lines)
})
