import { expect, test } from 'vitest'
import type { Config } from '../../spec/generated/config.ts'
import { checkConfig } from './checks/checks.ts'
import { oddities } from './oddities.ts'
import { specTemplate } from './template.ts'

const template = specTemplate()
const linux = (part: object): Config => ({ ...template, linux: { ...template.linux, ...part } }) as Config

test.each<[string, string[], Config]>([
  ['nothing', [], template],
  ['no version', ['/ociVersion'], { ...template, ociVersion: '' }],
  ['half a version', ['/ociVersion'], { ...template, ociVersion: '1.0' }],
  ['a version after 1', ['/ociVersion'], { ...template, ociVersion: '2.0.0' }],
  ['a version before 1', [], { ...template, ociVersion: '0.5.0' }],
  ['an annotation without a name', ['/annotations/'], { ...template, annotations: { '': 'x' } }],
  [
    'mappings for nobody',
    ['/linux/uidMappings'],
    linux({ uidMappings: [{ containerID: 0, hostID: 0, size: 1 }], gidMappings: [] }),
  ],
  ['relative paths', ['/linux/maskedPaths/1'], linux({ maskedPaths: ['/a', 'proc/kcore'] })],
  ['empty paths', ['/linux/readonlyPaths/0'], linux({ readonlyPaths: [''] })],
  ['a relative target', ['/mounts/0/destination'], { ...template, mounts: [{ destination: 'data', type: 'tmpfs' }] }],
  [
    'letters of a rule',
    ['/linux/resources/devices/0/access'],
    linux({ resources: { devices: [{ allow: true, access: 'rwa' }] } }),
  ],
  [
    'two devices for one path',
    ['/linux/devices/1/path'],
    linux({ devices: [3, 5].map(minor => ({ path: '/dev/x', type: 'c', major: 1, minor })) }),
  ],
  [
    'a device without a number',
    ['/linux/devices/0/minor'],
    linux({ devices: [{ path: '/dev/x', type: 'c', major: 1 }] }),
  ],
  [
    'a limit twice',
    ['/process/rlimits/2'],
    {
      ...template,
      process: {
        ...template.process!,
        rlimits: [0, 0, 1].map(soft => ({ type: 'RLIMIT_CPU' as const, soft, hard: 1 })),
      },
    },
  ],
  ['a relative device', ['/linux/devices/0/path'], linux({ devices: [{ path: 'dev/x', type: 'p' }] })],
  ['flags of a personality', ['/linux/personality/flags/0'], linux({ personality: { domain: 'LINUX', flags: ['F'] } })],
  [
    'metadata for nobody',
    ['/linux/seccomp/listenerMetadata'],
    linux({ seccomp: { defaultAction: 'SCMP_ACT_ALLOW', listenerMetadata: 'm' } }),
  ],
])('%s is told, and no reason to refuse', (_, pointers, config) => {
  checkConfig(config)
  expect(oddities(config).map(({ pointer }) => pointer)).toEqual(pointers)
})
