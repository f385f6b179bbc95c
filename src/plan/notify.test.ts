import { expect, test } from 'vitest'
import type { Config } from '../../spec/generated/config.ts'
import { withNotifySocket } from './notify.ts'

const at = (address: string, change: Partial<Config> = {}) => {
  const config: Config = {
    ociVersion: '1.0.2',
    root: { path: 'rootfs' },
    process: { cwd: '/', args: ['true'] },
    linux: { namespaces: [{ type: 'mount' }] },
    ...change,
  }
  const given = withNotifySocket(config, address)
  if (given === undefined) return undefined
  expect(given.config.process?.env).toEqual([`NOTIFY_SOCKET=${given.place.directory}/${given.place.name}`])
  expect(given.config.mounts?.at(-1)).toMatchObject({ destination: given.place.directory, type: 'tmpfs' })
  return `${given.place.directory}/${given.place.name}`
}

const mounted = (destination: string, type?: string) => ({ mounts: [{ destination, ...(type && { type }) }] })
const OWN = '/run/notify/notify.sock'

test('withNotifySocket() has the socket in a directory with the path that the host has', () => {
  expect(at('/run/a/the-socket')).toBe('/run/a/the-socket/notify')
  expect(at('/tmp/.x/s', mounted('/tmp', 'tmpfs'))).toBe('/tmp/.x/s/notify')
})

test.each(['@abstract', 'relative', '/a/../b', '/a/./b', '/a/', '//a', `/${'x'.repeat(101)}`])(
  'withNotifySocket() has a place of its own for %s',
  address => expect(at(address)).toBe(OWN),
)

test.each(['/run/systemd/notify', '/run/user/1000/systemd/notify'])(
  'withNotifySocket() leaves %s to a systemd in the container',
  address => expect(at(address)).toBe(OWN),
)

test('withNotifySocket() does not go where the host, the kernel or the container has something', () => {
  expect(at('/run/a', mounted('/run', 'bind'))).toBe(OWN)
  expect(at('/run/a', mounted('/run'))).toBe(OWN)
  expect(at('/proc/a', mounted('/proc', 'proc'))).toBe(OWN)
  expect(at('/run/a', mounted('/run/a/b', 'tmpfs'))).toBe(OWN)
  expect(at('/run/a', { root: { path: '/' } })).toBe(OWN)
})

test('withNotifySocket() makes none where a program has one, or can have none', () => {
  expect(at('/a', { process: { cwd: '/', args: ['true'], env: ['NOTIFY_SOCKET=/mine'] } })).toBeUndefined()
  expect(at('/run/systemd/notify', mounted('/run/notify', 'bind'))).toBeUndefined()
  expect(at('/a', { linux: { namespaces: [] } })).toBeUndefined()
})
