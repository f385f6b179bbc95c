import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as bpf from './bpf.ts'
import * as capability from './capability.ts'
import * as mount from './mount.ts'
import * as resource from './resource.ts'
import * as rtnetlink from './rtnetlink.ts'
import * as sched from './sched.ts'
import * as ioprio from './scheduling/ioprio.ts'
import * as mempolicy from './scheduling/mempolicy.ts'
import * as scheduler from './scheduling/scheduler.ts'
import * as seccomp from './seccomp.ts'
import * as signal from './signal.ts'
import * as stat from './stat.ts'
import * as termios from './termios.ts'

const include = '/usr/include/'
const installed = existsSync(`${include}linux/mount.h`)

/** A number in C: decimal, hexadecimal, octal, shifted, with suffixes and parentheses. Undefined for anything else. */
function value(text: string): bigint | undefined {
  const plain = text
    .replace(/\/\*.*/, '')
    .replace(/[()\s]/g, '')
    .replace(/U?L*$/i, '')
    .replace(/U?L*<</i, '<<')
  const match = /^(0x[0-9a-f]+|\d+)(?:<<(\d+))?$/i.exec(plain)
  if (match === null) return undefined
  const digits = match[1]!
  return BigInt(/^0\d/.test(digits) ? `0o${digits}` : digits) << BigInt(match[2] ?? 0)
}

/** Every constant that the headers define with a plain number, and every enumerator, counted as C does. */
function define(...headers: string[]): Map<string, bigint> {
  const found = new Map<string, bigint>()
  for (const header of headers) {
    const text = readFileSync(include + header, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
    for (const [, name, rest] of text.matchAll(/^#\s*define\s+(\w+)[ \t]+(.+)$/gm)) {
      const number = value(rest!)
      if (number !== undefined) found.set(name!, number)
    }
    const withoutDefines = text.replace(/^#.*$/gm, '')
    for (const [, body] of withoutDefines.matchAll(/^enum\s+\w*\s*\{([^}]*)\}/gm)) {
      let next = 0n
      for (const entry of body!.split(',').map(part => part.trim())) {
        if (entry === '') continue
        const [name, explicit] = entry.split('=').map(part => part.trim())
        next = explicit === undefined ? next : (value(explicit) ?? found.get(explicit) ?? next)
        found.set(name!, next++)
      }
    }
  }
  return found
}

function flatten(module: Record<string, unknown>): [string, bigint][] {
  return Object.entries(module).flatMap(([name, entry]) =>
    typeof entry === 'object' ? flatten(entry as Record<string, unknown>) : [[name, BigInt(entry as number)]],
  )
}

/** Not plain numbers in the header, defined by the C library instead, or meant differently (see the comments there). */
const elsewhere = ['MNT_FORCE', 'MNT_DETACH', 'UMOUNT_NOFOLLOW', 'OPEN_TREE_CLOEXEC', 'CAP_LAST_CAP', 'SIGRTMIN']
const unsaid = [
  ...elsewhere,
  ...['TIOCSPTLCK', 'TIOCGPTPEER'],
  ...[
    'SIGRTMAX',
    'RLIM_INFINITY',
    'SCHED_OTHER',
    'SCHED_ISO',
    'MPOL_WEIGHTED_INTERLEAVE',
    'STATX_MNT_ID_UNIQUE',
    'NLM_F_DUMP',
    'IFF_UP',
  ],
  ...['NR', 'ARCH', 'ARGS', 'SIZE'].map(field => `SECCOMP_DATA_${field}`),
]

const files: [string, Record<string, unknown>, string[]][] = [
  ['mount.ts', mount, ['linux/mount.h', 'linux/fcntl.h']],
  ['capability.ts', capability, ['linux/capability.h']],
  ['signal.ts', signal, ['asm-generic/signal.h']],
  ['resource.ts', resource, ['asm-generic/resource.h']],
  ['sched.ts', sched, ['linux/sched.h']],
  ['bpf.ts', bpf, ['linux/bpf_common.h', 'linux/bpf.h']],
  ['stat.ts', stat, ['linux/stat.h']],
  ['scheduler.ts', scheduler, ['linux/sched.h']],
  ['ioprio.ts', ioprio, ['linux/ioprio.h']],
  ['mempolicy.ts', mempolicy, ['linux/mempolicy.h']],
  ['rtnetlink.ts', rtnetlink, ['netlink', 'rtnetlink', 'if_link', 'if_addr', 'if'].map(name => `linux/${name}.h`)],
  ['seccomp.ts', seccomp, ['linux/seccomp.h']],
  ['termios.ts', termios, ['asm-generic/termbits-common.h', 'asm-generic/termbits.h', 'asm-generic/ioctls.h']],
]

test.skipIf(!installed).each(files)('%s has the numbers of the kernel headers', (_, module, headers) => {
  const defined = define(...headers)
  const constants = flatten(module).filter(([name]) => !unsaid.includes(name))
  expect(constants.length).toBeGreaterThan(4)
  expect(Object.fromEntries(constants)).toEqual(
    Object.fromEntries(constants.map(([name]) => [name, defined.get(name)])),
  )
})

test('a constant that stands alone agrees with the table beside it', () => {
  for (const [table, module] of [
    [capability.capabilities, capability],
    [signal.signals, signal],
    [resource.resources, resource],
  ] as [Record<string, number>, Record<string, unknown>][]) {
    for (const [name, number] of Object.entries(table)) expect(module[name] ?? number, name).toBe(number)
  }
})

test('CLONE_IO is positive until it is combined', () => {
  expect(sched.CLONE_IO).toBeGreaterThan(0)
  expect((sched.CLONE_IO | sched.CLONE_NEWNS) >>> 0).toBe(0x80020000)
})
