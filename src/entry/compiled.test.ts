import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCommand } from '../../scripts/buildCommand.ts'

const scratch = mkdtempSync(join(tmpdir(), 'tsrun command '))
const dist = join(scratch, 'dist/node')
const SAYS = /^tsrun version /

beforeAll(async () => {
  symlinkSync(resolve('node_modules'), join(scratch, 'node_modules'))
  await buildCommand(dist)
})
afterAll(() => rmSync(scratch, { recursive: true }))

function run(path: string, argv: string[], env: Record<string, string> = {}): SpawnSyncReturns<string> {
  return spawnSync(path, argv, { encoding: 'utf8', env })
}

/** A copy of the command beside the original, with something changed. */
function changed(name: string, change: (directory: string) => void): string {
  const directory = join(scratch, name)
  cpSync(dist, directory, { recursive: true, preserveTimestamps: true })
  change(directory)
  return join(directory, 'tsrun')
}

/** The options and the script that node gets from dist/node/tsrun, and what is in its environment. */
function startedWith(tsrun: string, env: Record<string, string> = {}): { argv: string[]; env: Record<string, string> } {
  const script = readFileSync(tsrun, 'utf8')
  writeFileSync(
    tsrun,
    script.replace('exec "$node"', 'exec "$node" -p "JSON.stringify({argv:process.execArgv,env:process.env})"'),
  )
  return JSON.parse(run(tsrun, [], env).stdout)
}

test('the command works without an environment, from a directory with spaces', () => {
  expect(run(join(dist, 'tsrun'), ['--version'])).toMatchObject({ stdout: expect.stringMatching(SAYS), stderr: '' })
  expect(run(join(dist, 'tsrun'), ['--help']).stdout).toContain('Runs containers')
  expect(run(join(dist, 'tsrun'), ['nonsense'])).toMatchObject({ status: 1, stdout: '' })
})

test('a machine that there is no executor for is told so', () => {
  const start = join(dist, 'lib', 'tsrun.cjs')
  const script = `Object.defineProperty(process, 'arch', { value: 'riscv64' }); require(${JSON.stringify(start)})`
  expect(run(process.execPath, ['-e', script, 'list'])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: 'tsrun: containers are made on x86-64 and arm64 only, and this machine is riscv64\n',
  })
})

test('the command works through a symbolic link', () => {
  symlinkSync(join('dist/node', 'tsrun'), join(scratch, 'link'))
  expect(run(join(scratch, 'link'), ['--version']).stdout).toMatch(SAYS)
})

test('without images, and with those of another version, the command works', () => {
  const without = changed('without', directory => {
    for (const extent of ['all', 'few']) rmSync(join(directory, 'lib', `${extent}.image`))
  })
  expect(run(without, ['--version']).stdout).toMatch(SAYS)
  const foreign = changed('foreign', directory => {
    const path = join(directory, 'lib', 'few.image')
    const image = readFileSync(path)
    image.writeUInt32LE(image.readUInt32LE(12) ^ 1, 12) // V8's hash of its version
    writeFileSync(path, image)
  })
  expect(run(foreign, ['--version']).stdout).toMatch(SAYS)
})

test('where npm has put koffi elsewhere, it is found the long way', () => {
  expect(
    run(
      changed(join('some', 'where', 'deeper'), () => {}),
      ['--version'],
    ).stdout,
  ).toMatch(SAYS)
})

test('only the very Node.js that the images are for gets options', () => {
  const same = changed('same', () => {})
  expect(startedWith(same).argv).toContain('--no-sparkplug')
  const other = changed('other', directory => {
    const known = join(directory, 'lib', 'known-node')
    const { mtimeMs } = statSync(known)
    utimesSync(known, mtimeMs / 1000, mtimeMs / 1000 + 1)
  })
  expect(startedWith(other).argv).not.toContain('--no-sparkplug')
  const copied = changed('copied', directory => rmSync(join(directory, 'lib', 'known-node')))
  expect(startedWith(copied).argv).not.toContain('--no-sparkplug')
})

test('Node.js gets nothing from the environment that is for other programs, and the limit of the caller', () => {
  const tsrun = changed('environment', () => {})
  const foreign = { NODE_OPTIONS: '--no-such-option', NODE_EXTRA_CA_CERTS: '/missing', NODE_PATH: '/missing' }
  const { env } = startedWith(tsrun, { ...foreign, OPENSSL_CONF: '/missing', OWN: '1' })
  expect(env.OWN).toBe('1')
  expect(Object.keys(env).filter(name => /^(?:NODE|OPENSSL)_/.test(name))).toEqual([])
  const limited = spawnSync('sh', ['-c', 'ulimit -Sn 123; exec "$0"', tsrun], { encoding: 'utf8' })
  expect(JSON.parse(limited.stdout).env.TSRUN_NOFILE).toBe('123')
})
