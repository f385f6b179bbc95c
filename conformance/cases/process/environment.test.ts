// The environment and the current directory of somebody else: what comes with `sudo -E`, or in a directory that he owns.
// None of it may become code in the runtime, or a file that it writes.

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { command, createRunning, removeLater } from '../../lib/container.ts'
import { have } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { withUser } from '../../lib/user.ts'

leavesNothing()
const user = withUser()

const it = test.skipIf(!isTsrun)

/** A directory of somebody else's, with what leaves `mark` in it when it is executed. */
function trap() {
  const directory = makeDirectory(0o777)
  const mark = join(directory, 'mark')
  const script = join(directory, 'evil.js')
  writeFileSync(script, `require('fs').writeFileSync('${mark}', '')`)
  for (const name of ['criu', 'newuidmap', 'newgidmap', 'readlink', 'ps', 'systemctl']) {
    writeFileSync(join(directory, name), `#!/bin/sh\necho > ${mark}\nexit 1\n`)
    chmodSync(join(directory, name), 0o755)
  }
  return { directory, mark, script }
}

test.skipIf(!isTsrun || !have('cc'))('no variable has the runtime load code', () => {
  const { directory, mark, script } = trap()
  const library = join(directory, 'evil.so')
  const source = join(directory, 'evil.c')
  writeFileSync(
    source,
    `#include <fcntl.h>\n__attribute__((constructor)) void evil(void) { open("${mark}", O_CREAT, 0644); }\n`,
  )
  must(['cc', '-shared', '-fPIC', '-o', library, source])
  writeFileSync(
    join(directory, 'openssl.cnf'),
    `nodejs_conf = a\nopenssl_conf = a\n[a]\nengines = b\n[b]\nc = d\n[d]\ndynamic_path = ${library}\ninit = 1\n`,
  )
  mkdirSync(join(directory, 'koffi'))
  writeFileSync(join(directory, 'koffi/index.js'), `require('${script}')`)
  const env = {
    ...process.env,
    NODE_OPTIONS: `--require ${script}`,
    NODE_PATH: directory,
    OPENSSL_CONF: join(directory, 'openssl.cnf'),
    OPENSSL_MODULES: directory,
    ENV: script,
    BASH_ENV: join(directory, 'criu'),
  }
  run(command('list'), { env })
  expect(existsSync(mark)).toBe(false)
})

it('no variable has the runtime write a file', () => {
  const directory = makeDirectory()
  const path = (name: string) => join(directory, name)
  const env = {
    ...process.env,
    NODE_V8_COVERAGE: path('coverage'),
    NODE_REDIRECT_WARNINGS: path('warnings'),
    NODE_COMPILE_CACHE: path('cache'),
    TMPDIR: path('tmp'),
    HOME: path('home'),
    XDG_CACHE_HOME: path('xdg'),
    XDG_RUNTIME_DIR: path('run'),
  }
  const names = ['coverage', 'cache', 'tmp', 'home', 'xdg', 'run']
  for (const name of names) mkdirSync(path(name))
  expect(run(command('features'), { env })).toMatchObject({ status: 0, stderr: '' })
  expect(readdirSync(directory).sort()).toEqual(names.sort())
  expect(names.flatMap(name => readdirSync(path(name)))).toEqual([])
})

it.each(['', '.', ':', '.:/usr/sbin:/usr/bin', ':/usr/sbin:/usr/bin'])(
  'with PATH `%s` no program of the current directory is executed',
  path => {
    const { directory, mark } = trap()
    const { id } = createRunning()
    const env = { ...process.env, PATH: path }
    for (const words of [['checkpoint', '--image-path', 'image', id], ['ps', id], ['doctor'], ['features']])
      run(command(...words), { env, cwd: directory })
    expect(existsSync(mark)).toBe(false)
  },
)

/** What may be in the environment of `sudo -E`. */
const OTHERS = { LD_PRELOAD: '', NODE_OPTIONS: '--no-warnings', TSRUN_NOFILE: '77', TSRUN_OTHER: '1', SECRET: 'x' }
const NAMES = /^(LD_|NODE_|TSRUN_|SECRET)[^=]*/gm

/** A bundle whose program and startContainer hook print their environment, and the files of what hooks print. */
function curiousBundle(env?: string[]) {
  const log = makeDirectory()
  const own = env && { env }
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = ['env']
    config.root.readonly = false
    const host = (name: string) => ({ path: '/bin/sh', args: ['sh', '-c', `/usr/bin/env > ${log}/${name}`], ...own })
    config.hooks = {
      createRuntime: [host('createRuntime')],
      createContainer: [host('createContainer')],
      startContainer: [{ path: '/bin/sh', args: ['sh', '-c', '/bin/env > /tmp/startContainer'], ...own }],
      poststart: [host('poststart')],
      poststop: [host('poststop')],
    }
    chmodSync(join(rootfs, 'tmp'), 0o1777)
  })
  const found = (path: string) => (readFileSync(path, 'utf8').match(NAMES) ?? []).sort()
  return {
    directory: bundle.directory,
    ofHost: () => readdirSync(log).map(name => found(join(log, name))),
    ofImage: () => found(join(bundle.rootfs, 'tmp/startContainer')),
  }
}

const env = { ...process.env, ...OTHERS }

test('nothing of the environment of the caller gets into a container, nor to a hook that says which it wants', () => {
  for (const own of [[], ['PATH=/bin:/usr/bin']]) {
    const { directory, ofHost, ofImage } = curiousBundle(own)
    const { status, stdout } = run(command('run', '--bundle', directory, removeLater(fresh())), { env })
    expect(status).toBe(0)
    expect([stdout.match(NAMES), ofHost(), ofImage()]).toEqual([null, [[], [], [], []], []])
  }
  const { id } = createRunning()
  expect(run(command('exec', id, 'env'), { env }).stdout.match(NAMES)).toBeNull()
})

// crun and runc do so; what Node.js itself takes is not handed on by the command that it runs.
test.skipIf(runtime.kind === 'runc')(
  'a hook of the host without one has that of the caller, the hook of the image that of the program',
  () => {
    const { directory, ofHost, ofImage } = curiousBundle()
    expect(run(command('run', '--bundle', directory, removeLater(fresh())), { env }).status).toBe(0)
    expect(ofHost()).toHaveLength(4)
    for (const names of ofHost()) expect(names).toEqual(expect.arrayContaining(['LD_PRELOAD', 'SECRET', 'TSRUN_OTHER']))
    expect(ofImage()).toEqual([])
  },
)

test('a program of an unprivileged user has nothing of his environment either', () => {
  const { uid, gid, wrap } = user.current
  const bundle = makeBundle(config => {
    config.process.args = ['env']
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }]
    config.linux.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }]
    delete config.linux.resources
    config.mounts = config.mounts.filter(({ destination }) => destination !== '/sys')
    for (const mount of config.mounts) mount.options = mount.options?.filter(option => option !== 'gid=5') ?? []
  })
  must(['chown', '-hR', `${uid}:${gid}`, bundle.directory])
  const variables = Object.entries(OTHERS).map(([name, value]) => `${name}=${value}`)
  const words = [runtime.path, '--root', join(bundle.directory, 'state'), 'run', '--bundle', bundle.directory, fresh()]
  const { status, stdout } = run(wrap(['env', ...variables, ...words]))
  expect(status).toBe(0)
  expect(stdout).toContain('PATH=')
  expect(stdout.match(NAMES)).toBeNull()
})
