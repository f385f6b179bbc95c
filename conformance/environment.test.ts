// The environment and the current directory of somebody else: what comes with `sudo -E`, or in a directory that he owns.
// None of it may become code in the runtime, or a file that it writes.

import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDirectory } from './lib/bundle.ts'
import { command, createRunning } from './lib/container.ts'
import { have } from './lib/machine.ts'
import { must, run } from './lib/run.ts'
import { isTsrun } from './lib/runtime.ts'
import { leavesNothing } from './lib/snapshot.ts'

leavesNothing()

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
  expect(run(command('list'), { env })).toMatchObject({ status: 0, stderr: '' })
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
