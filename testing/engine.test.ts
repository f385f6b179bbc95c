// scripts/quickjs.sh says in one sentence why there can be no static binary.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const scratch = mkdtempSync(join(tmpdir(), 'tsrun-engine-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const TOOLS = 'sh dirname mktemp rm mkdir grep sed head nproc find tar xz cat cksum'.split(' ')
const COMPILER = ['gcc', 'as', 'ld', 'make', 'objcopy']

/** A PATH on which there is nothing but these. */
function path(...names: string[]): string {
  const directory = mkdtempSync(join(scratch, 'bin-'))
  for (const name of names) {
    const place = ['/usr/bin', '/bin'].map(bin => join(bin, name)).find(existsSync)
    if (place !== undefined) symlinkSync(place, join(directory, name))
  }
  return directory
}

const hasCompiler = COMPILER.every(name => existsSync(join('/usr/bin', name)))
/** A compiler takes a second where many others work. */
const withCompiler = test.skipIf(!hasCompiler)

let count = 0

/** What it says, with an empty cache. */
function why(env: Record<string, string>): string {
  const cache = join(scratch, `cache-${count++}`)
  mkdirSync(cache)
  const words = { encoding: 'utf8', env: { XDG_CACHE_HOME: cache, ...env } } as const
  const { status, stdout } = spawnSync('/bin/sh', ['scripts/quickjs.sh'], words)
  expect(status).toBe(1)
  return stdout
}

test('no compiler', () => {
  expect(why({ PATH: path(...TOOLS) })).toMatch(/^there is no C compiler that links static executables; [^\n]+\n$/)
})

withCompiler('no Debian', { timeout: 60_000 }, () => {
  const text = why({ PATH: path(...TOOLS, ...COMPILER) })
  expect(text).toMatch(/^the source of QuickJS comes from Debian, which this is not; QUICKJS_SOURCE= names [^\n]+\n$/)
})

withCompiler('an archive that is none, a cache that can not be written, and no make', { timeout: 60_000 }, () => {
  const PATH = path(...TOOLS, ...COMPILER)
  expect(why({ PATH, QUICKJS_SOURCE: 'package.json' })).toMatch(/^the source of QuickJS can not be unpacked: [^\n]+\n$/)
  expect(why({ PATH, XDG_CACHE_HOME: '/proc/none' })).toMatch(/^\/proc\/none\/tsrun can not be written, [^\n]+\n$/)
  const withoutMake = path(...TOOLS, ...COMPILER.filter(name => name !== 'make'))
  expect(why({ PATH: withoutMake })).toMatch(/^make is missing, [^\n]+\n$/)
})
