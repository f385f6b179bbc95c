// The examples of the documentation run, and are right for the compiler, from outside: with the package as it was built.

import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { rootfs } from '../../lib/library.ts'
import { repository } from '../../lib/repository.ts'
import { launch } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { sceneDirectory } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun)
const examples = join(repository, 'docs/examples')
const tool = (name: string) => join(repository, 'node_modules/.bin', name)
const project = join(sceneDirectory, 'project')

// A project of somebody else's: the package and the types of Node.js are what it depends on.
beforeAll(() => {
  const modules = join(project, 'node_modules')
  mkdirSync(modules, { recursive: true })
  symlinkSync(repository, join(modules, 'tsrun'))
  for (const name of ['@types', 'vitest']) symlinkSync(join(repository, 'node_modules', name), join(modules, name))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
})

function example(name: string, ...words: string[]) {
  return launch([tool('tsx'), join(examples, name), ...words]).done
}

it('the sandbox runs a script as nobody, without network and with nowhere to write', async () => {
  const script =
    'id -u; ls /sys/class/net; touch /x 2>/dev/null || echo read-only; touch /tmp/x && echo tmp; grep Seccomp: /proc/self/status'
  const { status, stdout, stderr } = await example('sandbox.ts', rootfs, script)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain('code: 0')
  expect(stdout).toContain(String.raw`65534\nlo\nread-only\ntmp\nSeccomp:\t2\n`)
})

it('the sandbox ends a script that does not end', async () => {
  const { status, stderr } = await example('sandbox.ts', rootfs, 'while :; do :; done', '500')
  expect(status).not.toBe(0)
  expect(stderr).toContain('TimeoutError')
})

it('the sandbox refuses system calls and memory', async () => {
  const script = 'unshare -U true 2>/dev/null || echo refused; x=aaaaaaaa; while :; do x=$x$x; done'
  const { stdout } = await example('sandbox.ts', rootfs, script)
  expect(stdout).toContain(String.raw`refused\n`)
  expect(stdout).not.toContain('code: 0')
})

it('the job runner gives the results of all jobs, also of those that fail', async () => {
  const { status, stdout, stderr } = await example('jobs.ts', rootfs, ...Array(8).fill('sleep 0.2; echo one'), 'exit 3')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.match(/'one\\n'/g)).toHaveLength(8)
  expect(stdout).toMatch(/'exit 3' *│ 3/)
})

it('the fixture gives each test a container', async () => {
  const words = ['env', `ROOTFS=${rootfs}`, tool('vitest'), 'run', '--root', examples]
  const { status, stdout, stderr } = await launch(words).done
  expect(`${stdout}${stderr}`).toMatch(/Tests .*2 passed/)
  expect(status).toBe(0)
})

/** The example of the README, with paths that there are. */
function readmeExample(bundle: string): string {
  const text = readFileSync(join(repository, 'README.md'), 'utf8')
  const [, code = ''] = /```ts\n([^`]*from 'tsrun'[^`]*)```/.exec(text) ?? []
  return code.replace('/var/lib/images/busybox', rootfs).replace('/var/lib/bundles/web', bundle)
}

it('the example of the README does what it says', async () => {
  const { directory } = makeBundle(config => {
    config.process.args = ['sh', '-c', "trap 'exit 0' TERM; echo begun; while :; do sleep 0.05; done"]
  })
  const file = join(project, 'readme.ts')
  writeFileSync(file, `${readmeExample(directory)}\nconsole.log(code, stdout)`)
  const { status, stdout, stderr } = await launch([tool('tsx'), file]).done
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain('PID')
  expect(stdout).toContain('0 hello')
})

const SETTINGS = {
  strict: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
}

const RESOLUTIONS = [
  { module: 'nodenext', exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true },
]

for (const resolution of RESOLUTIONS)
  it(`the examples compile with module ${resolution.module}`, async () => {
    writeFileSync(join(project, 'readme.ts'), readmeExample('.'))
    const include = ['sandbox.ts', 'jobs.ts', 'readme.ts', 'wrong.ts'].map(name => join(project, name))
    for (const name of ['sandbox.ts', 'jobs.ts']) {
      copyFileSync(join(examples, name), join(project, name))
    }
    // Types that are lost on the way would be `any`, and this would compile.
    writeFileSync(
      join(project, 'wrong.ts'),
      `import { Runtime } from 'tsrun'
       const { code } = await new Runtime().run({ bundle: '.' })
       // @ts-expect-error: it may be null
       const number: number = code
       // @ts-expect-error: not a type of namespace
       await new Runtime().create({ config: { ociVersion: '1.0.2', linux: { namespaces: [{ type: 'nothing' }] } } })
       console.log(number)`,
    )
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...SETTINGS, ...resolution }, include }),
    )
    const { status, stdout } = await launch([tool('tsc'), '-p', project]).done
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })
