import { describe, expect, test } from 'vitest'
import { checkConfig } from './checks/checks.ts'
import { parseConfig } from './load.ts'
import { type HostEntry, specTemplate, specText, type TemplateOptions } from './template.ts'

const entries: HostEntry[] = [
  { path: '/usr', kind: 'directory' },
  { path: '/bin', kind: 'symlink', target: 'usr/bin' },
  { path: '/etc', kind: 'directory' },
]
const rootless = { uid: 1000, gid: 100 }

test.each<[string, TemplateOptions]>([
  ['the default', {}],
  ['rootless', { rootless }],
  ['on the host', { hostRootfs: { entries } }],
  ['rootless on the host', { rootless, hostRootfs: { entries } }],
])('specTemplate(), %s: a config that tsrun itself takes, also after writing and reading', (_, options) => {
  const config = specTemplate(options)
  const again = parseConfig(specText(config))
  expect(again).toEqual(config)
  checkConfig(again)
})

test('specText() is indented by two spaces and ends with a newline', () => {
  expect(specText({ ociVersion: '1.3.0' })).toBe('{\n  "ociVersion": "1.3.0"\n}\n')
})

describe('specTemplate({ rootless })', () => {
  const { linux, mounts } = specTemplate({ rootless })

  test('maps the caller to root and shares the network', () => {
    expect(linux!.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }])
    expect(linux!.gidMappings).toEqual([{ containerID: 0, hostID: 100, size: 1 }])
    const types = linux!.namespaces!.map(({ type }) => type)
    expect(types).toContain('user')
    expect(types).not.toContain('network')
  })

  test('asks for nothing that needs privileges: no sysfs, no group tty, no limits', () => {
    expect(mounts!.find(({ destination }) => destination === '/sys')).toMatchObject({ source: '/sys', type: 'none' })
    expect(mounts!.flatMap(({ options = [] }) => options)).not.toContain('gid=5')
    expect(linux!.resources).toBeUndefined()
  })
})

describe('specTemplate({ hostRootfs })', () => {
  const { linux, mounts, process, root } = specTemplate({ hostRootfs: { entries } })

  test('binds directories read-only before anything else, and leaves links to the caller', () => {
    expect(mounts!.slice(0, 2)).toEqual(
      ['/usr', '/etc'].map(path => ({
        destination: path,
        type: 'none',
        source: path,
        options: ['rbind', 'rro', 'nosuid', 'nodev'],
      })),
    )
    expect(mounts!.map(({ destination }) => destination)).not.toContain('/bin')
  })

  test('has scratch space of its own and hides the secrets of the host', () => {
    for (const path of ['/tmp', '/run', '/root'])
      expect(mounts!.find(({ destination }) => destination === path)).toMatchObject({ type: 'tmpfs' })
    expect(linux!.maskedPaths).toEqual(
      expect.arrayContaining(['/proc/kcore', '/etc/shadow', '/etc/gshadow', '/etc/ssh']),
    )
  })

  test('runs the shell of the host', () => {
    expect(process!.args).toEqual(['/bin/sh'])
    expect(root).toEqual({ path: 'rootfs', readonly: true })
  })
})
