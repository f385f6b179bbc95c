// The examples of docs/library.md compile, and those that need nothing but a root file system run.

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { rootfs } from '../../lib/library.ts'
import { repository } from '../../lib/repository.ts'
import { launch } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { sceneDirectory, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun)
const project = join(sceneDirectory, 'project')
const tool = (name: string) => join(repository, 'node_modules/.bin', name)

const blocks = [...readFileSync(join(repository, 'docs/library.md'), 'utf8').matchAll(/```ts( no-run)?\n(.*?)```/gs)]

/** One program of the blocks, each in a block of its own, as all go on from the first one. */
function programOf(wanted: typeof blocks): string {
  const [first, ...rest] = wanted.map(([, , code = '']) => code)
  const imports = rest.flatMap(code => code.match(/^import .*$/gm) ?? [])
  const bodies = rest.map(code => `{\n${code.replace(/^import .*$/gm, '')}}\n`)
  const settings = `const ROOTFS = ${JSON.stringify(rootfs)}\n`
  // A mistake of plain JavaScript is one of types, too.
  return `${imports.join('\n')}\n${settings}${first}${bodies.join('')}`
    .replace('maxOuput: 5 }', 'maxOuput: 5 } as never')
    .replace('new Runtime()', `new Runtime({ root: ${JSON.stringify(stateRoot)} })`)
}

beforeAll(() => {
  const modules = join(project, 'node_modules')
  mkdirSync(modules, { recursive: true })
  symlinkSync(repository, join(modules, 'tsrun'))
  symlinkSync(join(repository, 'node_modules/@types'), join(modules, '@types'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
})

it('the examples do what their comments say', async () => {
  const file = join(project, 'run.ts')
  writeFileSync(file, programOf(blocks.filter(([, quiet]) => quiet === undefined)))
  const { status, stdout, stderr } = await launch([tool('tsx'), file]).done
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  for (const words of [
    '3 null false hello\n oops\n',
    '<Buffer 00 00 00 00>',
    'ETIMEDOUT begun',
    'true Failure ENOENT',
    'did you mean `maxOutput`?',
    'typed\n1000',
    "{ code: null, signal: 'SIGKILL', oom: false }",
    '30 100',
    '40 120',
    "[ 'sleep', '60' ] ",
  ])
    expect(stdout).toContain(words)
})

it('all of them compile', async () => {
  const declared = 'declare const container: import("tsrun").Container\n'
  writeFileSync(join(project, 'all.ts'), `${declared}${programOf(blocks)}`)
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: [join(project, 'all.ts')] }))
  const { status, stdout } = await launch([tool('tsc'), '-p', project]).done
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})
