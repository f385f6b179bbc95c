import { expect, test } from 'vitest'
import { parse } from '../line/parse.ts'
import { checkpointRequest } from './checkpoint.ts'
import { criuSettings } from './criuSettings.ts'

function request(...words: string[]) {
  const parsed = parse(['checkpoint', ...words, 'x'])
  if ('misuse' in parsed) throw parsed.misuse
  return checkpointRequest(parsed.options as never, 'x')
}

test('checkpointRequest() has defaults: a directory here, cgroups softly', () => {
  expect(request()).toMatchObject({ imagePath: './checkpoint', manageCgroupsMode: 'soft', pageServer: undefined })
})

test.each([
  ['10.0.0.1:9000', { address: '10.0.0.1', port: 9000 }],
  ['host.example:1', { address: 'host.example', port: 1 }],
  ['[::1]:65535', { address: '::1', port: 65535 }],
])('checkpointRequest() understands --page-server %s', (text, pageServer) => {
  expect(request('--page-server', text)).toMatchObject({ pageServer })
})

test.each(['10.0.0.1', ':80', 'host:0', 'host:70000', 'host:x'])(
  'checkpointRequest() refuses --page-server %s',
  text => {
    expect(() => request('--page-server', text)).toThrow(/ADDRESS:PORT/)
  },
)

test('checkpointRequest() refuses a --status-fd that is no number, and an unknown cgroup mode', () => {
  expect(request('--status-fd', '7')).toMatchObject({ statusFd: 7 })
  expect(() => request('--status-fd', '-1')).toThrow()
  expect(() => request('--manage-cgroups-mode', 'hard')).toThrow(/hard/)
})

test.each([
  ['--tcp-established', { tcpEstablished: true }],
  ['--ext-unix-sk', { extUnixSk: true }],
  ['--shell-job', { shellJob: true }],
  ['--file-locks', { fileLocks: true }],
  ['--auto-dedup', { autoDedup: true }],
  ['--lazy-pages', { lazyPages: true }],
  ['--empty-ns=network', { emptyNetwork: true }],
  ['--manage-cgroups-mode=strict', { manageCgroupsMode: 'strict' }],
  ['--network-lock=nftables', { networkLock: 'nftables' }],
  ['--image-path=/i', { imagePath: '/i' }],
  ['--work-path=/w', { workPath: '/w' }],
])('%s is one setting of CRIU, in checkpoint and in restore', (word, setting) => {
  for (const command of ['checkpoint', 'restore']) {
    const settings = (words: string[]) => {
      const parsed = parse([command, ...words, 'x'])
      if ('misuse' in parsed) throw parsed.misuse
      return criuSettings(parsed.options as never)
    }
    expect(settings([word])).toEqual({ ...settings([]), ...setting })
  }
})

test.each([
  ['--leave-running', { leaveRunning: true }],
  ['--pre-dump', { preDump: true }],
  ['--tcp-skip-in-flight', { tcpSkipInFlight: true }],
  ['--link-remap', { linkRemap: true }],
  ['--parent-path=../p', { parentPath: '../p' }],
])('%s is one setting of checkpoint', (word, setting) => {
  expect(request(word)).toEqual({ ...request(), ...setting })
})
