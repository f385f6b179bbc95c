// Where mounts come from when that is unusual: sources that an earlier mount brings, options longer than fsconfig(2) takes,
// more of them than a process may have files open.

import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config, Mount } from '../../lib/config.ts'
import { type Change, command, inside, removeLater, runBundle, runScript } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { hostMounts } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { addUserNamespace } from '../../lib/user.ts'

leavesNothing()

const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...options],
})

/** A host directory `x` with a file in it, in another directory. */
function source(): string {
  const directory = makeDirectory()
  mkdirSync(join(directory, 'x'))
  writeFileSync(join(directory, 'x/file'), 'of the host\n')
  return directory
}

test.each([
  ['a directory', 'mnt/x', '/opt/copy', 'cat /opt/copy/file'],
  ['a file', 'mnt/x/file', '/opt/copy', 'cat /opt/copy'],
  ['the root of the mount', 'mnt', '/opt/copy', 'cat /opt/copy/x/file'],
  ['by a path with ..', 'etc/../mnt/x', '/opt/copy', 'cat /opt/copy/file'],
])('a source that an earlier mount brings: %s', (_, path, destination, script) => {
  const text = inside(script, (config, rootfs) => {
    config.mounts.push(bind(source(), '/mnt'), bind(join(rootfs, path), destination, 'ro'))
  })
  expect(text).toBe('of the host')
})

// crun mounts onto the whole path below the root.
test.skipIf(isCrun).each([
  ['no user namespace', false],
  ['a user namespace', true],
])('a source that an earlier mount brings is id-mapped, and paths may begin with the root: %s', (_, own) => {
  const owner = inside('stat -c "%u %g" /opt/copy/x/file', (config, rootfs) => {
    const mappings = [{ containerID: 0, hostID: own ? 100_000 : 1000, size: 65_536 }]
    if (own) {
      config.linux.namespaces.push({ type: 'user' })
      config.linux.uidMappings = config.linux.gidMappings = mappings
    }
    for (const name of ['mnt', 'opt/copy']) mkdirSync(join(rootfs, name), { recursive: true })
    config.mounts.push(bind(source(), join(rootfs, 'mnt')))
    const copy = bind(join(rootfs, 'mnt'), join(rootfs, 'opt/copy'), 'idmap')
    config.mounts.push(own ? copy : { ...copy, uidMappings: mappings, gidMappings: mappings })
  })
  expect(owner).toBe(own ? '0 0' : '1000 1000')
})

test('a source in a tmpfs that has what it covers', () => {
  const text = inside('cat /opt/copy; grep -c " /opt/copy " /proc/self/mounts', (config, rootfs) => {
    mkdirSync(join(rootfs, 'mnt'))
    writeFileSync(join(rootfs, 'mnt/file'), 'of the image\n')
    config.mounts.push({ destination: '/mnt', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] })
    config.mounts.push(bind(join(rootfs, 'mnt/file'), '/opt/copy'))
  })
  expect(text).toBe('of the image\n1')
})

test('a source that a later mount would bring is not there yet', () => {
  const result = runScript('true', (config, rootfs) => {
    config.mounts.push(bind(join(rootfs, 'mnt/x'), '/opt/copy'), bind(source(), '/mnt'))
  })
  expectOneSentence(result, /mount `\/opt\/copy`: .*ENOENT/)
})

// The peers follow links of the image on the host there.
// runc has no such option.
test.skipIf(isRunc)('copy-symlink finds its link there when a container starts again on the same root', () => {
  const directory = source()
  symlinkSync('elsewhere', join(directory, 'link'))
  let root = ''
  const bundle = makeBundle((config, rootfs) => {
    root = rootfs
    config.root.readonly = false
    config.mounts.push(bind(join(directory, 'link'), '/opt/link', 'copy-symlink'))
    config.process.args = ['readlink', '/opt/link']
  })
  for (const _ of ['first', 'second']) expect(runBundle(bundle)).toMatchObject({ status: 0, stdout: 'elsewhere\n' })
  for (const make of [(at: string) => symlinkSync('else', at), (at: string) => writeFileSync(at, '')]) {
    rmSync(join(root, 'opt/link'))
    make(join(root, 'opt/link'))
    expect(runBundle(bundle).status).not.toBe(0)
  }
})

test.skipIf(!isTsrun)('copy-symlink says what is in the way', () => {
  const directory = source()
  symlinkSync('elsewhere', join(directory, 'link'))
  const bundle = makeBundle((config, rootfs) => {
    mkdirSync(join(rootfs, 'opt/link'), { recursive: true })
    config.mounts.push(bind(join(directory, 'link'), '/opt/link', 'copy-symlink'))
  })
  const sentence = /mount `\/opt\/link`: there is something else already than the link to `elsewhere`/
  expectOneSentence(runBundle(bundle), sentence)
})

test.skipIf(!isTsrun)('a link of the image in the path of a source does not lead out of it', () => {
  const directory = source()
  const change = (config: Config, rootfs: string) => {
    mkdirSync(join(rootfs, 'data'))
    symlinkSync(directory, join(rootfs, 'data/link'))
    config.mounts.push(bind(join(rootfs, 'data/link/x'), '/opt/copy'))
  }
  expectOneSentence(runScript('cat /opt/copy/file', change), /mount `\/opt\/copy`: .*ENOENT/)
})

/** Directories with names so long that not even one fits together with another; the last one has a file. */
function layers(count: number, length = 120): string[] {
  const directory = makeDirectory()
  const paths = Array.from({ length: count }, (_, i) => `${directory}/${'l'.repeat(length)}${i}`)
  for (const path of paths) mkdirSync(path)
  writeFileSync(join(paths.at(-1)!, 'file'), 'deep\n')
  return paths
}

const overlay = (lower: string[], ...options: string[]): Mount => ({
  destination: '/m',
  type: 'overlay',
  source: 'overlay',
  options: [`lowerdir=${lower.join(':')}`, ...options],
})

/** As /run/snapd/ns on Ubuntu. Which of two namespaces counts as the younger depends on processors, so there are several. */
function heldNamespaces(): string {
  const directory = makeDirectory(0o755)
  must(['mount', '-t', 'tmpfs', 'tsrun-test', directory])
  later(() => run(['umount', '-R', directory]))
  must(['mount', '--make-private', directory])
  for (let i = 0; i < 8; i++) {
    const file = join(directory, `ns${i}`)
    writeFileSync(file, '')
    run(['unshare', `--mount=${file}`, 'true'])
  }
  return directory
}

test.each([
  ['on its own', 'slave', () => {}],
  ['with a root that is shared', 'shared', () => {}],
  ['in a user namespace', 'slave', addUserNamespace],
] as const)('a directory with mount namespaces that files hold can be bound: %s', (_, rootfsPropagation, change) => {
  const source = heldNamespaces()
  const text = inside('ls -d /held/ns7; ls -d /all/etc', (config, rootfs) => {
    for (const name of ['held', 'all']) mkdirSync(join(rootfs, name)) // who is root there may make none
    change(config)
    Object.assign(config.linux, { rootfsPropagation })
    const options = ['rbind', 'rslave', 'rw']
    config.mounts.push({ destination: '/held', type: 'bind', source, options })
    config.mounts.push({ destination: '/all', type: 'bind', source: '/', options: ['rbind', 'rslave', 'ro'] })
  })
  expect(text).toBe('/held/ns7\n/all/etc')
})

test('options of an overlay that are longer than 255 bytes, with flags of the mount', () => {
  const text = inside('cat /m/file; ls -a / | grep -c "^m$"; grep " /m " /proc/self/mounts', config => {
    config.mounts.push(overlay(layers(3), 'nosuid', 'nodev', 'noexec', 'ro'))
  })
  expect(text).toMatch(/^deep\n1\noverlay \/m overlay ro,nosuid,nodev,noexec,relatime/)
  expect(text.split('\n')).toHaveLength(3)
})

test('a source that is longer than 255 bytes', () => {
  const name = 's'.repeat(300)
  const text = inside('grep -o "^s* /m tmpfs" /proc/self/mounts', config => {
    config.mounts.push({ destination: '/m', type: 'tmpfs', source: name, options: ['size=64k'] })
  })
  expect(text).toBe(`${name} /m tmpfs`)
})

test('long options and an upper directory, in a user namespace', () => {
  const lower = layers(3)
  const upper = makeDirectory()
  mkdirSync(`${upper}/up`)
  mkdirSync(`${upper}/work`)
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'cat /m/file; echo new >/m/file; cat /m/file']
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }]
    config.linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }]
    config.mounts.push(overlay(lower, `upperdir=${upper}/up`, `workdir=${upper}/work`, 'userxattr'))
  })
  must(['chown', '-hR', '200000:200000', bundle.rootfs, upper, ...lower])
  expect(runBundle(bundle)).toMatchObject({ status: 0, stdout: 'deep\nnew\n' })
})

test('long options leave nothing behind on a host that shares its mounts', () => {
  const before = hostMounts().length
  const text = inside('cat /m/file; grep -c tmpfs /proc/self/mounts', config => {
    config.linux.rootfsPropagation = 'rshared'
    config.mounts.push(overlay(layers(3)))
  })
  expect(text).toBe(`deep\n${inside('grep -c tmpfs /proc/self/mounts')}`)
  expect(hostMounts()).toHaveLength(before)
})

test('options that do not fit into a page are an error that says so', () => {
  const result = runScript('true', config => {
    config.mounts.push(overlay(layers(25, 200)))
  })
  expectOneSentence(result, /mounts\/6\/options.*bytes together, and the kernel takes 4095/)
})

test('more mounts than the soft limit of open files, which the program keeps', () => {
  const directory = makeDirectory()
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'grep -c " /mnt/" /proc/self/mounts; ulimit -Sn; ulimit -Hn']
    delete config.process.rlimits
    for (let i = 0; i < 150; i++) config.mounts.push(bind(directory, `/mnt/${i}`, 'ro'))
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  const out = must(['bash', '-c', `ulimit -Sn 64; ulimit -Hn 4000; exec ${words.join(' ')}`])
  expect(out).toBe('150\n64\n4000\n')
})

/** Runs with a hard limit of 256 open files, which nobody here may raise; what the container prints. */
function withFewFiles(change: Change, script: string): string {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = ['sh', '-c', script]
    delete config.process.rlimits
    change(config, rootfs)
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  return must(['setpriv', '--bounding-set', '-sys_resource', 'bash', '-c', `ulimit -n 256; exec ${words.join(' ')}`])
}

const count = 'grep -c " /mnt/" /proc/self/mounts; ulimit -Hn'

describe.skipIf(isCrun)('more mounts than the hard limit of open files (crun: one file for each)', () => {
  test('each is opened in its turn and closed in its place', () => {
    const directory = makeDirectory()
    const file = join(directory, 'file')
    writeFileSync(file, 'text\n')
    const out = withFewFiles(config => {
      for (let i = 0; i < 150; i++)
        config.mounts.push(bind(directory, `/mnt/${i}`, 'ro'), bind(file, `/mnt/below/f${i}`, 'rprivate'))
    }, `${count}; cat /mnt/149/file /mnt/below/f149; touch /mnt/7/x 2>&1; true`)
    expect(out).toBe('300\n256\ntext\ntext\ntouch: /mnt/7/x: Read-only file system\n')
  })

  test('so is each new file system, with its mode, what is copied into it, and read-only', () => {
    const tmpfs = (destination: string, ...options: string[]) => ({
      destination,
      type: 'tmpfs',
      source: 'tmpfs',
      options,
    })
    const out = withFewFiles((config, rootfs) => {
      mkdirSync(join(rootfs, 'mnt/0'), { recursive: true, mode: 0o751 })
      writeFileSync(join(rootfs, 'mnt/0/file'), 'text\n')
      config.mounts.push(tmpfs('/mnt/0', 'tmpcopyup'), tmpfs('/mnt/1', 'ro', 'mode=700'))
      for (let i = 2; i < 600; i++) config.mounts.push(tmpfs(`/mnt/${i}`, 'size=4k'))
      config.mounts.push(tmpfs('/mnt/5/below'), tmpfs('/mnt/5/below/deep'))
    }, `${count}; cat /mnt/0/file; stat -c %a /mnt/0 /mnt/1 /mnt/2; touch /mnt/1/x 2>&1; ls /mnt/5 /mnt/5/below`)
    expect(out).toBe(
      '602\n256\ntext\n751\n700\n1777\ntouch: /mnt/1/x: Read-only file system\n/mnt/5:\nbelow\n\n/mnt/5/below:\ndeep\n',
    )
  })

  test('one below another is in it, masked paths are masked, the last at a place is on top', () => {
    const [outer, inner] = [makeDirectory(), makeDirectory()]
    writeFileSync(join(outer, 'secret'), 'secret\n')
    writeFileSync(join(inner, 'name'), 'inner\n')
    const out = withFewFiles(config => {
      config.linux.maskedPaths = [...(config.linux.maskedPaths ?? []), '/mnt/0/secret']
      for (let i = 0; i < 300; i++) config.mounts.push(bind(outer, `/mnt/${i}`))
      config.mounts.push(bind(inner, '/mnt/7/below'), bind(inner, '/mnt/9'))
    }, 'cat /mnt/0/secret /mnt/1/secret /mnt/7/below/name /mnt/9/name')
    expect(out).toBe('secret\ninner\ninner\n')
  })

  test('none is a peer of the host’s mounts, and slaves are slaves', () => {
    const directory = makeDirectory()
    must(['mount', '--bind', directory, directory])
    later(() => run(['umount', '-R', directory]))
    must(['mount', '--make-shared', directory])
    const out = withFewFiles(config => {
      for (let i = 0; i < 300; i++) config.mounts.push(bind(directory, `/mnt/${i}`, i === 5 ? 'rslave' : 'rprivate'))
    }, 'grep -c shared: /proc/self/mountinfo; grep master: /proc/self/mountinfo | cut -d" " -f5')
    expect(out).toBe('0\n/mnt/5\n')
  })
})
