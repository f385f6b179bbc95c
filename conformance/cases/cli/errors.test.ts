// Bad input: a clear sentence, the right exit code, and nothing left. The file's hook looks at the host after each case.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { type Change, command, createRunning, oci, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import type { Result } from '../../lib/run.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, type Kind, runtime } from '../../lib/runtime.ts'
import { fresh, later, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** What podman looks for in a runtime's message; the first that matches decides the exit code. */
const PODMAN: [exit: number, words: RegExp][] = [
  [126, /permission denied|operation not permitted/i],
  [127, /executable file not found in|no such file or directory|open executable/i],
]

function podmanExit(message: string): number {
  return PODMAN.find(([, words]) => words.test(message))?.[0] ?? 125
}

function createFails(change: Change, words: RegExp, ...lenient: Kind[]): Result {
  // What a lenient peer makes of nonsense is not for this machine: crun without namespaces mounts on the host.
  if (lenient.includes(runtime.kind)) return { status: 1, signal: null, stdout: '', stderr: '' }
  const container = tryCreate(makeBundle(change))
  expectOneSentence(container.created, words)
  expect(existsSync(join(stateRoot, container.id))).toBe(false)
  return container.created
}

/** Spoils the text of config.json. */
function spoiled(text: string | ((right: string) => string)): Bundle {
  const bundle = makeBundle()
  const right = JSON.stringify(bundle.config)
  writeFileSync(join(bundle.directory, 'config.json'), typeof text === 'string' ? text : text(right))
  return bundle
}

test('a bundle that does not exist', () => {
  expectOneSentence(oci(['create', '--bundle', '/no/such/bundle', fresh()]), /\/no\/such\/bundle/)
})

test('a bundle without config.json', () => {
  const directory = makeDirectory()
  expectOneSentence(oci(['create', '--bundle', directory, fresh()]), /config\.json/)
})

test('a config.json that is a directory', () => {
  const directory = makeDirectory()
  mkdirSync(join(directory, 'config.json'))
  expectOneSentence(oci(['create', '--bundle', directory, fresh()]), /config\.json/)
})

test.each([
  ['empty', ''],
  ['cut off', '{"ociVersion": "1.0.2", "process": {'],
  ['not JSON', 'ociVersion = 1.0.2'],
  ['with a comma too many', '{"ociVersion": "1.0.2",}'],
])('a config.json that is %s', (_, text) => {
  const { directory } = spoiled(text)
  expectOneSentence(oci(['create', '--bundle', directory, fresh()]), /config\.json/, 'crun')
})

test.skipIf(!isTsrun)('a syntax error is told with its line and column (tsrun only)', () => {
  const { directory } = spoiled('{\n  "ociVersion": "1.0.2",\n  "process": oops\n}')
  expectOneSentence(oci(['create', '--bundle', directory, fresh()]), /\b3\b/)
})

test.each([
  ['null', 'null'],
  ['a list', '[]'],
  ['a string', '"config"'],
  ['a number', '42'],
])('a config.json that is %s', (_, text) => {
  const { directory } = spoiled(text)
  expectOneSentence(oci(['create', '--bundle', directory, fresh()]), /config\.json/)
})

// biome-ignore lint/suspicious/noExplicitAny: these cases write what the type of a configuration forbids
type Loose = Record<string, any>
type Spoil = [what: string, change: (config: Loose) => void, words: RegExp, lenient?: Kind[]]

const SHAPES: Spoil[] = [
  ['args that are a string', config => (config['process'].args = 'sh'), /\/process\/args/, ['crun']],
  ['no args', config => (config['process'].args = []), /\/process\/args/],
  ['an argument that is a number', config => (config['process'].args = ['echo', 1]), /\/process\/args\/1/, ['crun']],
  ['no root', config => delete config['root'], /root/],
  ['no root path', config => delete config['root'].path, /\/root/],
  ['no version', config => delete config['ociVersion'], /ociVersion/, ['runc']],
  ['a uid below zero', config => (config['process'].user.uid = -5), /\/process\/user\/uid/],
  ['a uid above 32 bits', config => (config['process'].user.uid = 4294967296), /\/process\/user\/uid/, ['crun']],
  ['a uid that is a string', config => (config['process'].user.uid = 'root'), /\/process\/user\/uid/, ['crun']],
  ['a mount without destination', config => config['mounts'].push({ type: 'tmpfs' }), /\/mounts\/\d+/],
  ['namespaces that are no list', config => (config['linux'].namespaces = {}), /\/linux\/namespaces/, ['crun']],
  ['an unknown namespace', config => config['linux'].namespaces.push({ type: 'space' }), /space/],
  [
    'a namespace with a relative path',
    config => (config['linux'].namespaces[1].path = 'net'),
    /\/linux\/namespaces\/1/,
  ],
  [
    'an environment entry without =',
    config => config['process'].env.push('NOTHING'),
    /NOTHING|\/process\/env/,
    ['runc', 'crun'],
  ],
  ['a NUL in an argument', config => config['process'].args.push('a\0b'), /\/process\/args/, ['runc', 'crun']],
  ['a NUL in the environment', config => config['process'].env.push('A=a\0b'), /\/process\/env/, ['crun']],
  [
    'a map of size zero',
    config => (config['linux'].uidMappings = [{ containerID: 0, hostID: 0, size: 0 }]),
    /uidMappings/,
    ['runc', 'crun'],
  ],
  ['a hostname too long', config => (config['hostname'] = 'x'.repeat(100)), /hostname/],
  ['an unknown propagation', config => (config['linux'].rootfsPropagation = 'wild'), /rootfsPropagation/, ['crun']],
]

test.each(SHAPES)('%s', (_, change, words, lenient = []) => {
  createFails(config => change(config as never), words, ...lenient)
})

const VALUES: Spoil[] = [
  ['a missing root', config => (config['root'].path = 'nowhere'), /nowhere/],
  ['a root that is a file', config => (config['root'].path = 'config.json'), /config\.json/],
  [
    'a bad user for the namespace',
    config => {
      config['linux'].namespaces.push({ type: 'user' })
      config['linux'].uidMappings = [{ containerID: 0, hostID: 100_000, size: 10 }]
      config['linux'].gidMappings = [{ containerID: 0, hostID: 100_000, size: 10 }]
      config['process'].user.uid = 77
    },
    /77/,
  ],
  [
    'maps that overlap',
    config => {
      config['linux'].namespaces.push({ type: 'user' })
      const maps = [
        { containerID: 0, hostID: 100_000, size: 10 },
        { containerID: 5, hostID: 200_000, size: 10 },
      ]
      config['linux'].uidMappings = maps
      config['linux'].gidMappings = maps
    },
    /map/,
  ],
]

test.each(VALUES)('%s', (_, change, words, lenient = []) => {
  createFails(config => change(config as never), words, ...lenient)
})

test.each(['', '.', '..', '../up', 'a/b', 'white space', 'ünïcode', 'x'.repeat(2000), 'semi;colon', 'new\nline'])(
  'the id `%s` is refused',
  id => {
    const { directory } = makeBundle()
    const result = oci(['create', '--bundle', directory, id])
    // crun takes many of these.
    if (isCrun) oci(['delete', '--force', id])
    expectOneSentence(result, /id/i, 'crun')
  },
)

test.skipIf(isCrun)('an id with all allowed characters is taken', () => {
  const id = `${fresh()}_A.b+c-9`
  expect(tryCreate(makeBundle(), [], id).created).toMatchObject({ status: 0, stderr: '' })
})

test('a missing executable fails create, and podman makes 127 of the words', () => {
  const { stderr } = createFails(config => {
    config.process.args = ['no-such-program']
  }, /no-such-program/)
  expect(stderr).toMatch(/executable file .*not found/i)
  expect(podmanExit(stderr)).toBe(127)
})

test('a missing executable with a path fails create, and podman makes 127 of the words', () => {
  const { stderr } = createFails(config => {
    config.process.args = ['/no/such/program']
  }, /\/no\/such\/program/)
  expect(podmanExit(stderr)).toBe(127)
})

test('a file that is not executable fails create, and podman makes 126 of the words', () => {
  const { stderr } = createFails(config => {
    config.process.args = ['/etc/passwd']
  }, /\/etc\/passwd/)
  expect(podmanExit(stderr)).toBe(126)
})

test('a directory as the program fails create, and podman makes 126 of the words', () => {
  const { stderr } = createFails(config => {
    config.process.args = ['/etc']
  }, /\/etc/)
  if (isTsrun) expect(podmanExit(stderr)).toBe(126)
})

test('a program that the user may not execute fails create', () => {
  const { stderr } = createFails(
    (config, rootfs) => {
      writeFileSync(join(rootfs, 'bin/mine'), '#!/bin/sh\n')
      chmodSync(join(rootfs, 'bin/mine'), 0o700)
      config.process.args = ['/bin/mine']
      config.process.user = { uid: 1000, gid: 1000 }
    },
    /\/bin\/mine/,
    'runc',
    'crun',
  )
  if (isTsrun) expect(podmanExit(stderr)).toBe(126)
})

test('a program of an unknown format is told at the latest by start', () => {
  const container = tryCreate(
    makeBundle((config, rootfs) => {
      writeFileSync(join(rootfs, 'bin/strange'), '\u007fSTRANGE', { mode: 0o755 })
      config.process.args = ['/bin/strange']
    }),
  )
  if (container.created.status !== 0) return
  const started = container.start()
  if (isTsrun) expectOneSentence(started, /\/bin\/strange/)
})

test('a script whose interpreter is missing is told by start, with the interpreter', () => {
  const container = tryCreate(
    makeBundle((config, rootfs) => {
      writeFileSync(join(rootfs, 'bin/script'), '#!/no/such/interpreter\n', { mode: 0o755 })
      config.process.args = ['/bin/script']
    }),
  )
  if (container.created.status !== 0) return
  const started = container.start()
  if (isTsrun) expectOneSentence(started, /exec \/bin\/script: no such file or directory/)
})

/** A script with this first line, and what run and start say of it. */
function failedScript(line: string): Result[] {
  const bundle = makeBundle((config, rootfs) => {
    writeFileSync(join(rootfs, 'bin/script'), line, { mode: 0o755 })
    config.process.args = ['/bin/script']
  })
  const created = tryCreate(bundle)
  return [oci(['run', '--bundle', bundle.directory, fresh()]), created.start()]
}

test.skipIf(!isTsrun)('what is wrong with a program is told as validate tells it', () => {
  for (const result of failedScript('#!/no/such/interpreter\n'))
    expectOneSentence(
      result,
      /no such file or directory: the interpreter `\/no\/such\/interpreter` of `\/bin\/script` is not/,
    )
  for (const result of failedScript('#!/bin/sh\r\necho hi\r\n'))
    expectOneSentence(result, /no such file or directory: the first line of `\/bin\/script` ends in a carriage return/)
  for (const result of failedScript('\0\0\0\0'))
    expectOneSentence(result, /exec format error: `\/bin\/script` is neither a program nor a script/)
})

test.skipIf(!isTsrun)('a mount option that is nearly one is asked about', () => {
  createFails(config => {
    config.mounts.push({ destination: '/srv', type: 'tmpfs', source: 'tmpfs', options: ['nosiud'] })
  }, /tmpfs does not take this option; did you mean `nosuid`\?/)
})

const LONG = 'x'.repeat(9 << 20)

/** Longer than the memory from which calls are made. */
const TOO_LONG: readonly (readonly [string, Change])[] = [
  [
    'an annotation that a hook reads',
    config => {
      config.annotations = { long: LONG }
      config.hooks = { createContainer: [{ path: '/bin/true' }] }
    },
  ],
  [
    'the path of a masked file',
    config => {
      config.linux.maskedPaths = [`/${LONG}`]
    },
  ],
  [
    'the value of a sysctl',
    config => {
      config.linux.sysctl = { 'kernel.msgmax': LONG }
    },
  ],
]

test.skipIf(!isTsrun).each(TOO_LONG)('%s of 9 MiB is a sentence (tsrun only)', (_, change) => {
  createFails(change, /too long: a call takes \d+ bytes where \d+ are left/)
})

test('a loop of symlinks for the program fails create', () => {
  createFails((config, rootfs) => {
    symlinkSync('loop', join(rootfs, 'bin/loop'))
    config.process.args = ['/bin/loop']
  }, /\/bin\/loop/)
})

test.skipIf(!isTsrun)(
  'messages about files other than the program avoid the words podman takes for it (tsrun only)',
  () => {
    const cases: Change[] = [
      config => {
        config.root.path = 'nowhere'
      },
      config => config.mounts.push({ destination: '/mnt', type: 'bind', source: '/no/source', options: ['bind'] }),
      config => {
        config.hooks = { createRuntime: [{ path: '/no/such/hook' }] }
      },
      config => {
        config.linux.sysctl = { 'net.ipv4.no_such_key': '1' }
      },
      config => {
        config.linux.namespaces[1]!.path = '/no/ns'
      },
      config => {
        config.process.cwd = '/etc/passwd'
      },
    ]
    for (const change of cases) {
      const { created } = tryCreate(makeBundle(change))
      expect(created.status).toBe(1)
      expect(created.stderr).not.toMatch(/no such file or directory|executable file not found|permission denied/i)
    }
  },
)

test('a state root that can not be made', () => {
  const directory = makeDirectory()
  writeFileSync(join(directory, 'file'), '')
  const { directory: bundle } = makeBundle()
  const result = run([runtime.path, '--root', join(directory, 'file/state'), 'create', '--bundle', bundle, fresh()])
  expectOneSentence(result, /file\/state/)
})

test('a state directory without space', () => {
  const root = makeDirectory()
  must(['mount', '-t', 'tmpfs', '-o', 'size=4k,nr_inodes=3', 'none', root])
  later(() => must(['umount', root]))
  const { directory } = makeBundle()
  const result = run([runtime.path, '--root', root, 'create', '--bundle', directory, fresh()])
  expectOneSentence(result, /ENOSPC|space/)
})

test('a pid file that can not be written', () => {
  const container = tryCreate(makeBundle(), ['--pid-file', '/no/such/directory/pid'])
  expectOneSentence(container.created, /\/no\/such\/directory/)
})

test('an unknown option is refused, with a suggestion from tsrun', () => {
  const result = oci(['create', '--bundel', '/tmp', fresh()])
  expectOneSentence(result, /--bundle/)
})

test('an unknown command is refused', () => {
  expectOneSentence(oci(['craete', fresh()]), /create/, 'runc')
})

test.each([['create'], ['start'], ['kill'], ['delete'], ['state'], ['run']])('%s without an id is refused', verb => {
  const { directory } = makeBundle()
  expect(run(command(verb), { cwd: directory }).status).not.toBe(0)
})

test('a word too many is refused', () => {
  expectOneSentence(oci(['state', 'one', 'two']), /two/, 'crun')
})

test('with --log the failure is one JSON object, and stderr has it too', () => {
  const log = join(makeDirectory(), 'log')
  const { directory } = makeBundle(config => {
    config.process.args = ['no-such-program']
  })
  const id = fresh()
  const result = run([...command('--log', log, '--log-format', 'json', 'create', '--bundle', directory, id)])
  expect(result.status).not.toBe(0)
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const entry = JSON.parse(isRunc ? lines.at(-1)! : lines.join('\n')) as Record<string, string>
  expect(entry['level']).toBe('error')
  expect(entry['msg']).toMatch(/executable file .*not found/)
  expect(new Date(entry['time']!).getTime()).toBeGreaterThan(Date.now() - 60_000)
  expect(result.stderr).toContain('not found')
  if (isTsrun) expect(lines).toHaveLength(1)
})

test('with --log nothing is written when all is well', () => {
  const log = join(makeDirectory(), 'log')
  const { directory } = makeBundle()
  const result = run(command('--log', log, '--log-format', 'json', 'run', '--bundle', directory, fresh()))
  expect(result.status).toBe(0)
  expect(existsSync(log) ? readFileSync(log, 'utf8') : '').toBe('')
})

test('a text log has the message', () => {
  const log = join(makeDirectory(), 'log')
  run(command('--log', log, 'state', 'never-was'))
  const text = readFileSync(log, 'utf8')
  expect(text).toMatch(/exist/)
  if (!isCrun) expect(text).toMatch(/^time="[^"]+" level=error msg=".*"\n$/)
})

test('a log that can not be written is an error before anything happens', () => {
  const result = run(command('--log', '/no/such/directory/log', 'list'))
  expect([result.status, result.stdout]).toEqual([1, ''])
  expect(result.stderr).toContain('/no/such/directory/log')
})

test('delete --force after a failed create succeeds', () => {
  const container = tryCreate(
    makeBundle(config => {
      config.process.args = ['no-such-program']
    }),
  )
  expect(container.created.status).not.toBe(0)
  expect(container.remove('--force').status).toBe(0)
})

test('what a damaged state directory holds can be taken away by force', () => {
  const container = tryCreate(makeBundle())
  container.kill('KILL')
  container.until('stopped')
  const names = must(['ls', '-A', join(stateRoot, container.id)])
    .trim()
    .split('\n')
  for (const name of names)
    if (name.endsWith('.json') || name === 'status') writeFileSync(join(stateRoot, container.id, name), '{')
  if (isTsrun) expectOneSentence(oci(['state', container.id]), new RegExp(container.id))
  const removed = container.remove('--force')
  if (isTsrun) expect(removed.status).toBe(0)
  rmSync(join(stateRoot, container.id), { recursive: true, force: true })
  for (const tree of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    if (!isTsrun) run(['sh', '-c', `find ${tree} -depth -type d -name '*${container.id}*' -exec rmdir {} +`])
  }
})

describe.skipIf(!isTsrun)('a state.json that can not be trusted (tsrun only)', () => {
  const damage: [string, (path: string) => void][] = [
    ...['', '{}', 'null', '[]', '{"id":"web"}', '{"version":2}'].map((text): [string, (path: string) => void] => [
      text,
      path => writeFileSync(path, text),
    ]),
    ['a directory', path => replace(path, () => mkdirSync(path))],
    ['a link', path => replace(path, () => symlinkSync('/dev/zero', path))],
    ['a fifo', path => replace(path, () => must(['mkfifo', path]))],
    ['32 MiB', path => truncateSync(path, 1 << 25)],
  ]
  const replace = (path: string, make: () => void) => {
    rmSync(path)
    make()
  }

  test.each(damage)('%s: a sentence, and the others are listed', (_, harm) => {
    const good = createRunning()
    const bad = createRunning()
    harm(join(stateRoot, bad.id, 'state.json'))
    const listed = JSON.parse(oci(['list', '--format', 'json']).stdout) as {
      id: string
      status: string
      created: string
    }[]
    expect(listed.map(({ id }) => id).sort()).toEqual([good.id, bad.id].sort())
    const entry = listed.find(({ id }) => id === bad.id)!
    expect(entry.status).toMatch(/^(damaged|newer)$/)
    expect(Date.parse(entry.created)).toBeGreaterThan(0)
    expect(oci(['list', '-q']).stdout.split('\n')).toContain(bad.id)
    expect(oci(['list']).stdout).toMatch(new RegExp(`${bad.id} .*(damaged|newer)`))
    for (const verb of ['state', 'kill', 'start', 'pause', 'resume', 'ps', 'inspect', 'delete'])
      expect(oci([verb, bad.id])).toMatchObject({
        status: expect.not.toBeOneOf([0]),
        stderr: expect.stringMatching(/^[^\n]*(damaged|newer tsrun)[^\n]*\n$/),
      })
    expect(oci(['gc']).status).toBe(0)
    expect(bad.remove('--force')).toMatchObject({ status: 0, stderr: '' })
    expect(good.remove('--force').status).toBe(0)
  })
})
