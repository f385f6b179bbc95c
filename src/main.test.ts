import { expect, test } from 'vitest'
import { callNumbers } from '../native/arch/numbers.ts'
import type { Host, Memory } from '../native/host.ts'
import { decode, encode } from '../native/utf8.ts'
import { main } from './main.ts'

const FIRST_ADDRESS = 0x10000
const numbers = callNumbers.x86_64

/** A host that knows how to open and write, and remembers what was written where. */
function createHost(...argv: string[]) {
  const written: Record<string, string> = { stdout: '', stderr: '' }
  const names = new Map([
    [1, 'stdout'],
    [2, 'stderr'],
  ])
  let memory: Memory | undefined
  const at = (address: number | bigint | undefined) => memory!.bytes.subarray(Number(address) - FIRST_ADDRESS)
  const open = (directory: number, address: number | bigint | undefined) => {
    const fd = names.size + 1
    names.set(fd, `${names.get(directory) ?? ''}${decode(at(address).subarray(0, at(address).indexOf(0)))}`)
    return fd
  }
  const write = (fd: number, bytes: Uint8Array) => {
    const name = names.get(fd)!
    written[name] = (written[name] ?? '') + decode(bytes)
    return bytes.length
  }
  const host = {
    arch: 'x86_64',
    argv,
    env: [],
    allocate(size: number): Memory {
      const bytes = new Uint8Array(size)
      memory = { bytes, view: new DataView(bytes.buffer), address: FIRST_ADDRESS }
      return memory
    },
    syscall(number: number, args: readonly (number | bigint)[]): number {
      if (number === numbers.openat || number === numbers.openat2) return open(Number(args[0]), args[1])
      if (number === numbers.sendto) written['datagram'] = decode(at(args[1]).slice(0, Number(args[2])))
      if (number === numbers.write) return write(Number(args[0]), at(args[1]).slice(0, Number(args[2])))
      return 0
    },
  }
  return { host: host as unknown as Host, written }
}

async function run(...argv: string[]) {
  const { host, written } = createHost(...argv)
  return { code: await main(host), ...written } as { code: number; stdout: string; stderr: string } & typeof written
}

test('--version goes to stdout', async () => {
  const { code, stdout, stderr } = await run('--version')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^tsrun version \d/)
})

test('`create --help`, `help create` and `-h create` show the same help', async () => {
  const results = [await run('create', '--help'), await run('help', 'create'), await run('-h', 'create')]
  for (const result of results) expect(result).toEqual(results[0])
  expect(results[0]).toMatchObject({ code: 0, stderr: '' })
  expect(results[0]!.stdout).toMatch(/^Usage: tsrun create \[OPTIONS\] ID\n/)
})

test('`help` and --help show the commands', async () => {
  const { stdout } = await run('help')
  expect(stdout).toContain('Commands:')
  expect((await run('--help')).stdout).toBe(stdout)
})

test('`help` of an unknown command is an error', async () => {
  expect(await run('help', 'craete')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining("No help topic for 'craete'"),
  })
})

test('a mistake in the command line is one sentence on stderr and exit code 1', async () => {
  expect(await run('create', '--bundel', '/b', 'c1')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'tsrun: create: unknown option `--bundel`, did you mean `--bundle`? (see `tsrun create --help`)\n',
  })
})

test('a mistake in the command line is one JSON object in the file of --log', async () => {
  const { code, ...written } = await run('--log', '/l', '--log-format', 'json', 'create', 'ünï', 'c1')
  expect(code).toBe(1)
  expect(JSON.parse(written['/l']!)).toMatchObject({
    level: 'error',
    kind: 'usage',
    msg: expect.stringContaining('`c1`'),
  })
})

test('--log journald: sends the failure as a datagram, too', async () => {
  const { stderr, datagram } = await run('--log', 'journald:x', 'create')
  expect(stderr).toContain('argument ID is missing')
  expect(datagram).toContain('\nID=x\nMESSAGE=create: argument ID is missing')
})

test('what is written arrives as UTF-8', async () => {
  const { stderr } = await run('ünï')
  expect(encode(stderr).length).toBeGreaterThan(stderr.length)
  expect(stderr).toContain('`ünï`')
})

test('a closed stderr does not keep the error out of the log file', async () => {
  const { host, written } = createHost('--log', '/l', '--log-format', 'json', 'nonsense')
  const { syscall } = host
  const EBADF = 9
  const closed = {
    ...host,
    syscall: (number: number, args: readonly (number | bigint)[]) =>
      number === numbers.write && args[0] === 2 ? -EBADF : syscall(number, args),
  }
  expect(await main(closed)).toBe(1)
  expect(JSON.parse(written['/l']!)).toMatchObject({ msg: expect.stringContaining('nonsense') })
})
