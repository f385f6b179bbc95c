// Mounts, seen from inside through mountinfo and through what they let a program do.

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config, Mount } from '../../lib/config.ts'
import { type Change, command, createRunning, inside, removeLater, runBundle, runScript } from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { hostMounts, type MountLine, parseMountinfo } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, olderThan } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { addUserNamespace } from '../../lib/user.ts'

leavesNothing()

/** The topmost mount at a place, as the container's mountinfo has it. */
function mountAt(text: string, target: string): MountLine | undefined {
  return parseMountinfo(text).findLast(line => line.target === target)
}

/** Adds mounts, runs, and gives the line of the last of them. */
function seen(mounts: Mount[], change: Change = () => {}): MountLine {
  const text = inside('cat /proc/self/mountinfo', (config, rootfs) => {
    config.mounts.push(...mounts)
    change(config, rootfs)
  })
  const line = mountAt(text, mounts.at(-1)!.destination)
  if (line === undefined) throw new Error(`nothing is mounted at ${mounts.at(-1)!.destination}:\n${text}`)
  return line
}

const tmpfs = (destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options,
})

const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['bind', ...options],
})

/** A host directory with a file in it. */
function source(): string {
  const directory = makeDirectory()
  writeFileSync(join(directory, 'file'), 'of the host\n')
  return directory
}

/** A host directory with a tmpfs mounted at `sub`. */
function nestedSource(): string {
  const directory = source()
  mkdirSync(join(directory, 'sub'))
  must(['mount', '-t', 'tmpfs', 'nested', join(directory, 'sub')])
  later(() => must(['umount', join(directory, 'sub')]))
  writeFileSync(join(directory, 'sub/deep'), 'deep\n')
  return directory
}

/** What an option makes visible: among the mount's options, or the file system's. */
const VISIBLE: [option: string, shown: string | RegExp][] = [
  ['ro', 'ro'],
  ['nosuid', 'nosuid'],
  ['nodev', 'nodev'],
  ['noexec', 'noexec'],
  ['noatime', 'noatime'],
  ['nodiratime', 'nodiratime'],
  ['relatime', 'relatime'],
]

test.each(VISIBLE)('%s on a tmpfs shows in mountinfo', (option, shown) => {
  expect(seen([tmpfs('/mnt', option)]).options).toContain(shown)
})

test.each(VISIBLE)('%s on a bind mount shows in mountinfo', (option, shown) => {
  expect(seen([bind(source(), '/mnt', option)]).options).toContain(shown)
})

test.skipIf(isCrun)('nosymfollow shows in mountinfo (crun: unknown)', () => {
  expect(seen([tmpfs('/mnt', 'nosymfollow')]).options).toContain('nosymfollow')
})

test.each(['sync', 'dirsync'])('%s is an option of the file system', option => {
  expect(seen([tmpfs('/mnt', option)]).superOptions).toContain(option)
})

test('strictatime shows as no other rule of access times', () => {
  const { options } = seen([tmpfs('/mnt', 'strictatime')])
  expect(options).not.toContain('relatime')
  expect(options).not.toContain('noatime')
})

test.skipIf(isCrun)('a later option takes back an earlier one (crun: ro stays)', () => {
  const { options } = seen([tmpfs('/mnt', 'ro', 'nosuid', 'noexec', 'nodev', 'rw', 'suid', 'exec', 'dev')])
  expect(options).toContain('rw')
  for (const gone of ['nosuid', 'noexec', 'nodev']) expect(options).not.toContain(gone)
})

test('size and mode of a tmpfs are what the options say', () => {
  const line = seen([tmpfs('/mnt', 'size=1m', 'mode=0710', 'uid=5', 'gid=6')])
  expect(line.superOptions).toEqual(expect.arrayContaining(['size=1024k', 'mode=710', 'uid=5', 'gid=6']))
})

test('a tmpfs without a mode takes that of the directory below', () => {
  const words = inside('stat -c %a /var/spool; grep /var/spool /proc/mounts', (config, rootfs) => {
    mkdirSync(join(rootfs, 'var/spool'))
    chmodSync(join(rootfs, 'var/spool'), 0o1770)
    config.mounts.push(tmpfs('/var/spool'))
  })
  expect(words).toMatch(/^1770\ntmpfs \/var\/spool tmpfs \S*\bmode=1770\b/)
})

test.each([0, 20])(
  'each tmpfs without a mode has that of its own directory, or 1777 where there was none; %i more',
  more => {
    const places = ['/modes/a', '/modes/b', '/modes/b/new', '/modes/c', '/modes/d']
    const modes = inside(
      `stat -c %a ${places.join(' ')}; touch /modes/c/file 2>&1; cat /proc/mounts`,
      (config, rootfs) => {
        mkdirSync(join(rootfs, 'modes'))
        const below = { a: 0o700, b: 0o1777, c: 0o751, d: 0o2750 }
        for (const [name, mode] of Object.entries(below)) {
          mkdirSync(join(rootfs, 'modes', name))
          chmodSync(join(rootfs, 'modes', name), mode)
        }
        const others = Array.from({ length: more }, (_, number) => tmpfs(`/others/${number}`))
        const listed = [...others, ...places.map(place => tmpfs(place))]
        config.mounts.push(...listed, tmpfs('/modes/c', 'remount', 'bind', 'ro'))
      },
    )
    const [a, b, made, c, d, ...rest] = modes.split('\n')
    expect([a, b, c, d]).toEqual(['700', '1777', '751', '2750'])
    if (isTsrun) expect(made).toBe('1777')
    expect(rest.join('\n')).toMatch(/read-only[\s\S]* \/modes\/c tmpfs ro,/i)
  },
)

test.each([
  ['tmpfs', 'remount,ro'],
  ...(isTsrun ? [['tmpfs', 'remount,bind,ro']] : []), // others look for the source
  ['ramfs', 'ro'],
])('a /dev that another entry makes read-only has its devices: %s %s', (type, options) => {
  const output = inside('echo > /dev/null && grep " /dev " /proc/mounts; touch /dev/file 2>&1 || true', config => {
    config.mounts.push({ destination: '/dev', type, source: type, options: options!.split(',') })
  })
  expect(output).toMatch(new RegExp(` /dev ${type} ro,?[^]*read-only`, 'i'))
})

test.skipIf(isCrun).each([0, 20])(
  'a tmpfs at a link that leads nowhere has no mode of what is made for it; %i more (crun: refused)',
  more => {
    const output = inside('stat -c %a /link/ /elsewhere /existing/', (config, rootfs) => {
      symlinkSync('/elsewhere/new', join(rootfs, 'link'))
      symlinkSync('private', join(rootfs, 'existing'))
      mkdirSync(join(rootfs, 'private'), { mode: 0o710 })
      const others = Array.from({ length: more }, (_, number) => tmpfs(`/others/${number}`))
      config.mounts.push(...others, tmpfs('/link'), tmpfs('/existing'))
    })
    expect(output).toBe('1777\n755\n710')
  },
)

// runc fails at special files; crun drops capabilities of files and fills holes.
test.skipIf(isRunc || isCrun)(
  'tmpcopyup keeps device numbers, sockets and fifos, attributes, capabilities and holes',
  () => {
    const script = `cd /data; stat -c '%n %A %u:%g %t:%T' block char fifo sock file link; stat -c '%b' sparse
    test ! file -ef hard && cat hard`
    const container = createRunning((config, rootfs) => {
      const at = (name: string) => join(rootfs, 'data', name)
      mkdirSync(at(''))
      must(['mknod', '-m', '660', at('block'), 'b', '259', '70000'])
      must(['mknod', '-m', '622', at('char'), 'c', '4095', '1048575'])
      must(['mkfifo', '-m', '640', at('fifo')])
      const attributes = `import os, socket
os.chdir(${JSON.stringify(at(''))})
socket.socket(socket.AF_UNIX).bind('sock')
os.chmod('sock', 0o711)
for name in 'file', '.sub': os.makedirs(name) if name == '.sub' else open(name, 'w').write('content')
os.chown('file', 5, 6)
os.chmod('file', 0o6755)
os.setxattr('file', 'user.x', b'1'); os.setxattr('.sub', 'trusted.y', b'2')
os.setxattr('file', 'security.capability', bytes.fromhex('0100000200200000000000000000000000000000'))
os.link('file', 'hard'); os.symlink('nowhere', 'link'); os.lchown('link', 7, 8)`
      must(['python3', '-c', attributes])
      writeFileSync(at('sparse'), '')
      truncateSync(at('sparse'), 1 << 30)
      config.mounts.push(tmpfs('/data', 'tmpcopyup'))
    })
    const result = exec(container, ['sh', '-c', script])
    expect(result.stdout.split('\n')).toEqual([
      'block brw-rw---- 0:0 103:11170',
      'char crw--w--w- 0:0 fff:fffff',
      'fifo prw-r----- 0:0 0:0',
      'sock srwx--x--x 0:0 0:0',
      'file -rwsr-sr-x 5:6 0:0',
      'link lrwxrwxrwx 7:8 0:0',
      '0',
      'content',
    ])
    const all = `import os, sys
for name in 'file', '.sub':
    path = f'/proc/{sys.argv[1]}/root/data/{name}'
    print(*sorted(os.listxattr(path)))`
    const { pid } = container.state()
    expect(must(['python3', '-c', all, String(pid)])).toBe('security.capability user.x\ntrusted.y\n')
  },
)

test('tmpcopyup fills a tmpfs with what was there', () => {
  const output = inside('cat /data/a /data/sub/b; stat -c "%a %u" /data/a; readlink /data/link', (config, rootfs) => {
    mkdirSync(join(rootfs, 'data/sub'), { recursive: true })
    writeFileSync(join(rootfs, 'data/a'), 'a\n')
    writeFileSync(join(rootfs, 'data/sub/b'), 'b\n')
    chmodSync(join(rootfs, 'data/a'), 0o644)
    chownSync(join(rootfs, 'data/a'), 1000, 1000)
    symlinkSync('sub/b', join(rootfs, 'data/link'))
    config.mounts.push(tmpfs('/data', 'tmpcopyup'))
  })
  expect(output).toBe('a\nb\n644 1000\nsub/b')
})

test.skipIf(!isTsrun)('tmpcopyup copies names and targets of links that are no text', () => {
  const output = inside(
    'cd /data; for name in *; do printf %s "$name" | od -An -tx1; done; readlink l* | od -An -tx1',
    (config, rootfs) => {
      const path = (name: Buffer) => Buffer.concat([Buffer.from(`${rootfs}/data/`), name])
      mkdirSync(join(rootfs, 'data'))
      mkdirSync(path(Buffer.from([0xe9, 0x64])))
      writeFileSync(path(Buffer.from([0xff])), '')
      symlinkSync(Buffer.from([0xfe, 0x2f, 0x61]), path(Buffer.from('l')))
      config.mounts.push(tmpfs('/data', 'tmpcopyup'))
    },
  )
  expect(output.split('\n').map(line => line.trim())).toEqual(['6c', 'e9 64', 'ff', 'fe 2f 61 0a'])
})

test.skipIf(!isTsrun)('tmpcopyup of 700 directories in each other is one sentence', () => {
  const bundle = makeBundle((config, rootfs) => {
    mkdirSync(join(rootfs, 'data', 'd/'.repeat(700)), { recursive: true })
    config.mounts.push(tmpfs('/data', 'tmpcopyup'))
  })
  const { status, stderr } = runBundle(bundle)
  expect(status).toBe(1)
  expect(stderr).toMatch(/^tsrun: [^\n]*`\/data`[^\n]*tmpcopyup copies no more than 128 directories in each other\n$/)
})

test('what is written over a copied-up tmpfs does not reach the root file system', () => {
  const bundle = makeBundle((config, rootfs) => {
    mkdirSync(join(rootfs, 'data'))
    writeFileSync(join(rootfs, 'data/a'), 'old\n')
    config.mounts.push(tmpfs('/data', 'tmpcopyup'))
    config.process.args = ['sh', '-c', 'echo new > /data/a']
  })
  expect(runBundle(bundle).status).toBe(0)
  expect(readFileSync(join(bundle.rootfs, 'data/a'), 'utf8')).toBe('old\n')
})

test('a directory is bound, with writes to both sides', () => {
  const directory = source()
  const output = inside('cat /mnt/file; echo back > /mnt/new', config => config.mounts.push(bind(directory, '/mnt')))
  expect(output).toBe('of the host')
  expect(readFileSync(join(directory, 'new'), 'utf8')).toBe('back\n')
})

test('a file is bound over a file', () => {
  const directory = source()
  expect(inside('cat /etc/passwd', config => config.mounts.push(bind(`${directory}/file`, '/etc/passwd')))).toBe(
    'of the host',
  )
})

test('a socket and a device are bound like files', () => {
  const output = inside('test -c /tmp/zero && head -c 3 /tmp/zero | wc -c', config => {
    config.mounts.push(bind('/dev/zero', '/tmp/zero'))
    config.linux.resources = { devices: [{ allow: true, access: 'rwm' }] }
  })
  expect(output).toBe('3')
})

test('a relative source is one of the bundle', () => {
  const bundle = makeBundle(config => {
    config.mounts.push(bind('beside', '/mnt'))
    config.process.args = ['cat', '/mnt/file']
  })
  mkdirSync(join(bundle.directory, 'beside'))
  writeFileSync(join(bundle.directory, 'beside/file'), 'relative\n')
  expect(runBundle(bundle)).toMatchObject({ stdout: 'relative\n', stderr: '' })
})

test('the options say bind though the type says something else', () => {
  const directory = source()
  expect(inside('cat /mnt/file', config => config.mounts.push({ ...bind(directory, '/mnt'), type: 'none' }))).toBe(
    'of the host',
  )
})

test('a read-only bind refuses writes and leaves the source writable', () => {
  const directory = source()
  const output = inside('touch /mnt/new 2>/dev/null || echo refused; cat /mnt/file', config => {
    config.mounts.push(bind(directory, '/mnt', 'ro'))
  })
  expect(output).toBe('refused\nof the host')
  writeFileSync(join(directory, 'still'), '')
})

test('bind takes one mount, rbind what is mounted below too', () => {
  const directory = nestedSource()
  const look = (option: string) =>
    inside('ls /mnt/sub', config => config.mounts.push({ ...bind(directory, '/mnt'), options: [option] }))
  expect(look('bind')).toBe('')
  expect(look('rbind')).toBe('deep')
})

test('ro of an rbind concerns the top, rro all of it', () => {
  const directory = nestedSource()
  const look = (option: string) =>
    inside('for d in /mnt /mnt/sub; do touch $d/x 2>/dev/null && echo rw || echo ro; done', config => {
      config.mounts.push({ ...bind(directory, '/mnt'), options: ['rbind', option] })
    })
  expect(look('ro')).toBe('ro\nrw')
  expect(look('rro')).toBe('ro\nro')
})

test.each([
  ['rnosuid', 'nosuid'],
  ['rnodev', 'nodev'],
  ['rnoexec', 'noexec'],
  // crun sets an access time rule without clearing the old one first, which the kernel refuses.
  ...(isCrun
    ? []
    : [
        ['rnoatime', 'noatime'],
        ['rnodiratime', 'nodiratime'],
      ]),
])('%s concerns what is mounted below too', (option = '', shown = '') => {
  const directory = nestedSource()
  const text = inside('cat /proc/self/mountinfo', config => {
    config.mounts.push({ ...bind(directory, '/mnt'), options: ['rbind', option] })
  })
  expect(mountAt(text, '/mnt')!.options).toContain(shown)
  expect(mountAt(text, '/mnt/sub')!.options).toContain(shown)
})

test.skipIf(isCrun)('rrw and rstrictatime take back what the source has (crun: EINVAL)', () => {
  const directory = nestedSource()
  must(['mount', '-o', 'remount,bind,ro,noatime', join(directory, 'sub')])
  const text = inside('cat /proc/self/mountinfo', config => {
    config.mounts.push({ ...bind(directory, '/mnt'), options: ['rbind', 'rrw', 'rstrictatime'] })
  })
  expect(mountAt(text, '/mnt/sub')!.options).toContain('rw')
  expect(mountAt(text, '/mnt/sub')!.options).not.toContain('noatime')
})

test.each([
  ['private', /^$/],
  ['rprivate', /^$/],
  // crun 1.28 makes every mount private in the end.
  ['shared', isCrun ? /^/ : /shared:/],
  ['rshared', isCrun ? /^/ : /shared:/],
  ['slave', /^$|master:/],
  ['rslave', /^$|master:/],
  ['unbindable', isCrun ? /^/ : /unbindable/],
  ['runbindable', isCrun ? /^/ : /unbindable/],
])('%s is the propagation of the mount', (option, tags) => {
  expect(seen([bind(source(), '/mnt', option)]).tags.join(' ')).toMatch(tags)
})

test.skipIf(isCrun)('a mount made on the host later appears inside an rslave bind (crun: private in the end)', () => {
  const directory = source()
  mkdirSync(join(directory, 'later'))
  must(['mount', '--bind', directory, directory])
  later(() => must(['umount', '-R', '-l', directory]))
  must(['mount', '--make-shared', directory])
  const container = createRunning(config => {
    config.mounts.push({ ...bind(directory, '/mnt'), options: ['rbind', 'rslave'] })
  }, 'until test -e /mnt/later/here; do sleep 0.05; done; echo seen')
  must(['mount', '-t', 'tmpfs', 'later', join(directory, 'later')])
  writeFileSync(join(directory, 'later/here'), '')
  container.until('stopped')
  expect(container.output()).toBe('seen\n')
})

test.each([
  ['private', /^$/],
  ['rprivate', /^$/],
  ['shared', /shared:/],
  ['rshared', /shared:/],
  ['slave', /^$|master:/],
  ['rslave', /^$|master:/],
  ['unbindable', /unbindable/],
])('rootfsPropagation %s is that of the root', (rootfsPropagation, tags) => {
  const text = inside('cat /proc/self/mountinfo', config => {
    config.linux.rootfsPropagation = rootfsPropagation
  })
  expect(mountAt(text, '/')!.tags.join(' ')).toMatch(tags)
})

// systemd makes every mount shared, and docker and podman ask for it with -v ...:rshared. Found with docker.
test.each(['shared', 'rshared'])('rootfsPropagation %s of a root file system that is shared on the host', wanted => {
  const bundle = makeBundle(config => {
    config.process.args = ['cat', '/proc/self/mountinfo']
    config.linux.rootfsPropagation = wanted
  })
  const words = command('run', removeLater(fresh()))
  const count = 'grep -c . /proc/self/mountinfo >&2'
  const script = `mount --make-rshared /; ${count}; "$@"; ${count}`
  const { status, stdout, stderr } = run(['unshare', '-m', 'sh', '-ec', script, 'view', ...words], {
    cwd: bundle.directory,
  })
  expect(status).toBe(0)
  expect(mountAt(stdout, '/')!.tags.join(' ')).toMatch(/shared:/)
  // What is unmounted in the container's namespace is not unmounted in its peer, the caller's.
  const [before, after] = stderr.trim().split('\n')
  expect(after).toBe(before)
})

test('a mount in the container does not reach the host', () => {
  const before = hostMounts().length
  inside('mount -t tmpfs none /tmp && grep -q " /tmp " /proc/mounts', config => {
    for (const set of Object.values(config.process.capabilities!)) set.push('CAP_SYS_ADMIN')
    config.linux.rootfsPropagation = 'shared'
  })
  expect(hostMounts().length).toBe(before)
})

test("none of the host's mounts are left inside", () => {
  const lines = parseMountinfo(inside('cat /proc/self/mountinfo'))
  const hosts = lines.filter(
    line => line.target !== '/' && ['ext4', 'devtmpfs', 'cgroup', 'cgroup2'].includes(line.type),
  )
  const unexpected = hosts.filter(line => !/^\/(proc|dev|sys)\//.test(line.target))
  expect(unexpected).toEqual([])
})

/** A configuration with an id-mapped bind of `directory`. */
function idmapped(config: Config, directory: string, options: string[] = ['rbind', 'idmap']): void {
  config.mounts.push({
    ...bind(directory, '/mnt'),
    options,
    uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
    gidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
  })
}

const noIdmap = olderThan('runc', 1, 2) || olderThan('crun', 1, 20)

test.skipIf(noIdmap)('idmap shows files with mapped owners and leaves the source alone (older peers: missing)', () => {
  const directory = source()
  chownSync(join(directory, 'file'), 0, 1)
  expect(inside('stat -c "%u %g" /mnt/file', config => idmapped(config, directory)).split(' ')).toEqual([
    '1000',
    '1001',
  ])
  expect(must(['stat', '-c', '%u %g', join(directory, 'file')])).toBe('0 1\n')
})

test.skipIf(noIdmap)('ridmap maps what is mounted below too, idmap only the top (older peers: missing)', () => {
  const directory = nestedSource()
  const look = (option: string) =>
    inside('stat -c %u /mnt/file /mnt/sub/deep', config => idmapped(config, directory, ['rbind', option]))
  expect(look('ridmap')).toBe('1000\n1000')
  expect(look('idmap')).toBe('1000\n0')
})

test.skipIf(noIdmap)('idmap without mappings of its own takes those of the container (older peers: missing)', () => {
  const directory = source()
  const owner = inside('stat -c %u /mnt/file', (config, rootfs) => {
    mkdirSync(join(rootfs, 'mnt'))
    addUserNamespace(config)
    config.mounts.push(bind(directory, '/mnt', 'idmap'))
  })
  expect(owner).toBe('0')
})

test('idmap with one of the two mappings is an error', () => {
  const bundle = makeBundle(config => {
    idmapped(config, source())
    delete config.mounts.at(-1)!.gidMappings
  })
  expectOneSentence(runBundle(bundle), /gidMappings/, 'crun')
})

test('missing targets are made, files for files and directories for directories', () => {
  const directory = source()
  const bundle = makeBundle(config => {
    config.mounts.push(tmpfs('/a/b/c'), bind(`${directory}/file`, '/x/y/z'))
    config.process.args = ['sh', '-c', 'test -d /a/b/c && cat /x/y/z']
  })
  expect(runBundle(bundle)).toMatchObject({ status: 0, stdout: 'of the host\n' })
  expect(must(['stat', '-c', '%F %a', `${bundle.rootfs}/a/b/c`, `${bundle.rootfs}/a`])).toMatch(
    isCrun ? /^directory/ : /^directory 755\ndirectory 755\n/,
  )
  expect(must(['stat', '-c', '%F', `${bundle.rootfs}/x/y/z`])).toBe('regular empty file\n')
})

test('a target is made inside a mount that comes before it', () => {
  const directory = source()
  const output = inside('cat /mnt/new/place/file', config => {
    config.mounts.push(tmpfs('/mnt'), bind(directory, '/mnt/new/place'))
  })
  expect(output).toBe('of the host')
})

test('mounts happen in the order of the list', () => {
  const output = inside('ls /mnt', (config, rootfs) => {
    mkdirSync(join(rootfs, 'mnt'))
    config.mounts.push(bind(source(), '/mnt'), tmpfs('/mnt'))
  })
  expect(output).toBe('')
})

test('a target behind a symlink of the image never lands outside the root', () => {
  const outside = makeDirectory()
  const bundle = makeBundle((config, rootfs) => {
    symlinkSync(outside, join(rootfs, 'link'))
    config.mounts.push(bind(source(), '/link/target'))
    config.process.args = ['cat', '/link/target/file']
  })
  const result = runBundle(bundle)
  expect(readdirSync(outside)).toEqual([])
  // runc and tsrun make what the link names inside the root; crun refuses a link to a directory that is not there.
  if (isCrun) return
  expect(result).toMatchObject({ status: 0, stdout: 'of the host\n' })
  expect(existsSync(join(bundle.rootfs, outside, 'target'))).toBe(true)
})

test('a target with .. stays inside the root', () => {
  const bundle = makeBundle(config => {
    config.mounts.push(bind(source(), '/../../../../../../climbed'))
    config.process.args = ['cat', '/climbed/file']
  })
  const result = runBundle(bundle)
  expect(existsSync('/climbed')).toBe(false)
  if (result.status === 0) expect(result.stdout).toBe('of the host\n')
})

/** Links of an image that lead nowhere, what is bound there, and where that is in the root then. */
const NOWHERE: [name: string, links: [path: string, target: string][], destination: string, made: string][] = [
  ['a relative one', [['etc/resolv.conf', '../run/systemd/stub.conf']], '/etc/resolv.conf', 'run/systemd/stub.conf'],
  ['an absolute one', [['etc/localtime', '/usr/share/zone']], '/etc/localtime', 'usr/share/zone'],
  ['one that climbs above the root', [['etc/x', '../../../../opt/x']], '/etc/x', 'opt/x'],
  ['one on the way', [['var/run', '/run']], '/var/run/deep/file', 'run/deep/file'],
  [
    'a chain',
    [
      ['etc/a', 'b/../c'],
      ['etc/c', '/opt/./d'],
      ['opt', 'srv/./opt'],
    ],
    '/etc/a',
    'srv/opt/d',
  ],
]

test.skipIf(isCrun).each(NOWHERE)(
  'a link that leads nowhere, %s: a file is made there',
  (_, links, destination, made) => {
    const bundle = makeBundle((config, rootfs) => {
      for (const [path, target] of links) symlinkSync(target, join(rootfs, path))
      if (links.some(([, target]) => target.startsWith('b/'))) mkdirSync(join(rootfs, 'etc/b'))
      config.mounts.push(bind(`${source()}/file`, destination))
      config.process.args = ['cat', destination, `/${made}`]
    })
    expect(runBundle(bundle)).toMatchObject({ status: 0, stdout: 'of the host\nof the host\n' })
    expect(statSync(join(bundle.rootfs, made)).isFile()).toBe(true)
  },
)

test.skipIf(isCrun)('a link that leads nowhere: a directory is made there, for mounts and devices', () => {
  const output = inside('cat /app/tomcat/logs/file; ls /real/dev /opt/devices', (config, rootfs) => {
    mkdirSync(join(rootfs, 'app/tomcat-9'), { recursive: true })
    symlinkSync('/app/logs/tomcat', join(rootfs, 'app/tomcat-9/logs'))
    symlinkSync('/app/tomcat-9', join(rootfs, 'app/tomcat'))
    symlinkSync('/real', join(rootfs, 'opt'))
    symlinkSync('dev', join(rootfs, 'etc/devices'))
    symlinkSync('../opt/dev/one', join(rootfs, 'etc/one'))
    symlinkSync('../opt/devices', join(rootfs, 'etc/dev'))
    config.mounts.push(bind(source(), '/app/tomcat/logs'), tmpfs('/opt/dev'))
    config.linux.devices = [
      { path: '/etc/one', type: 'c', major: 1, minor: 3 },
      { path: '/etc/devices/two', type: 'c', major: 1, minor: 3 },
    ]
  })
  expect(output).toBe('of the host\n/opt/devices:\ntwo\n\n/real/dev:\none')
})

test('a bind that says something of itself has links that are followed, and the access times of its source', () => {
  const directory = source()
  must(['mount', '-t', 'tmpfs', '-o', 'noatime,nosymfollow', 'tmpfs', directory])
  later(() => must(['umount', directory]))
  const options = (...words: string[]) =>
    mountAt(
      inside('cat /proc/self/mountinfo', config => {
        config.mounts.push(bind(directory, '/mnt', ...words))
      }),
      '/mnt',
    )!.options
  expect(options()).toEqual(expect.arrayContaining(['noatime', 'nosymfollow']))
  expect(options('dev', 'atime')).toContain('noatime')
  expect(options('dev', 'atime')).not.toContain('nosymfollow')
})

test('a path that is masked twice is covered once', () => {
  const covers = inside('grep -c -e " /etc/secret " -e " /opt " /proc/self/mounts', (config, rootfs) => {
    mkdirSync(join(rootfs, 'opt'), { recursive: true })
    writeFileSync(join(rootfs, 'etc/secret'), '')
    config.linux.maskedPaths = ['/etc/secret', '/opt', '/etc/secret', '/opt']
  })
  expect(covers).toEqual(isTsrun ? '2' : expect.any(String))
})

test.each(['/proc', '/sys'])('a link in the place of %s is no directory to mount on', path => {
  const { status, stderr } = runScript('true', (_, rootfs) => {
    rmSync(join(rootfs, path), { recursive: true, force: true })
    symlinkSync('/tmp', join(rootfs, path))
  })
  if (!isCrun) expect(status).not.toBe(0)
  if (isTsrun) expect(stderr).toMatch(/ELOOP \(proc and sysfs must be mounted on ordinary directory/)
})

test('links that lead round in a circle are refused', () => {
  const { status, stderr } = runScript('true', (config, rootfs) => {
    symlinkSync('b', join(rootfs, 'etc/a'))
    symlinkSync('a', join(rootfs, 'etc/b'))
    config.mounts.push(bind(`${source()}/file`, '/etc/a'))
  })
  expect(status).not.toBe(0)
  if (isTsrun) expect(stderr).toMatch(/mount `\/etc\/a`: .*ELOOP \(symbolic links that lead round in a circle/)
})

test.skipIf(isCrun)('a link of the image does not lead a mount into /proc', () => {
  const { status, stderr } = runScript('true', (config, rootfs) => {
    symlinkSync('/proc', join(rootfs, 'link'))
    config.mounts.push(bind(`${source()}/file`, '/link/version'))
  })
  expect(status).not.toBe(0)
  if (isTsrun) expect(stderr).toContain('`/link` leads through a symbolic link into a procfs')
})

test('a working directory behind a link that leads nowhere is refused', () => {
  const { status } = runScript('true', (config, rootfs) => {
    symlinkSync('/opt/real', join(rootfs, 'etc/link'))
    config.process.cwd = '/etc/link'
  })
  expect(status).not.toBe(0)
})

test('a symlink in the middle of a target is followed inside the root', () => {
  const output = inside('cat /real/file', (config, rootfs) => {
    mkdirSync(join(rootfs, 'real'))
    symlinkSync('/real', join(rootfs, 'alias'))
    config.mounts.push(bind(`${source()}/file`, '/alias/file'))
  })
  expect(output).toBe('of the host')
})

test('a mount on / is refused', () => {
  expectOneSentence(runBundle(makeBundle(config => config.mounts.push(bind(source(), '/')))), /mounts/, 'crun')
})

test.each([
  ['/', '/link'],
  ['.', '/link'],
  ['..', '/etc/link'],
])('a mount behind a link to the root, %s, is refused, one below it is not', (target, link) => {
  const change = (destination: string) => (config: Config, rootfs: string) => {
    symlinkSync(target, join(rootfs, link))
    config.mounts.push(bind(source(), destination))
  }
  const { status, stderr } = runScript('true', change(link))
  expect(status).not.toBe(0)
  if (isTsrun) expect(stderr).toContain(`\`${link}\` leads through a symbolic link to the root`)
  expect(inside('cat /below/file', change(`${link}/below`))).toBe('of the host')
})

test('proc in a root where /proc is a symlink is refused', () => {
  const bundle = makeBundle((_, rootfs) => {
    must(['rmdir', join(rootfs, 'proc')])
    symlinkSync('/tmp', join(rootfs, 'proc'))
  })
  expectOneSentence(runBundle(bundle), /proc/, 'crun')
})

test('a directory can not be bound over /proc', () => {
  const bundle = makeBundle(config => {
    config.mounts.push(bind(source(), '/proc'))
  })
  expectOneSentence(runBundle(bundle), /\/proc/, 'crun')
})

test('/proc shows the processes of the container only', () => {
  expect(inside('ls -d /proc/[0-9]* | wc -l')).toMatch(/^[1-4]$/)
})

test('sysfs shows the network of the container', () => {
  expect(inside('ls /sys/class/net')).toBe('lo')
})

test("sysfs in a user namespace with the host's network falls back to the host's, read-only as asked", () => {
  const output = inside('ls /sys/kernel >/dev/null && mkdir /sys/fs/new 2>/dev/null || echo refused', config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
    addUserNamespace(config)
    config.linux.maskedPaths = []
    if (isRunc) config.mounts.find(mount => mount.type === 'sysfs')!.options = ['rbind', 'ro']
    if (isRunc) Object.assign(config.mounts.find(mount => mount.type === 'sysfs')!, { type: 'none', source: '/sys' })
  })
  expect(output).toBe('refused')
})

test("cgroup shows the v2 tree from the container's own place", () => {
  const mount = {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'ro'],
  }
  const text = inside('cat /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs', config => {
    config.mounts.push(mount)
    config.linux.namespaces.push({ type: 'cgroup' })
  })
  const lines = text.split('\n').filter(line => line.includes(' - '))
  const line = mountAt(lines.join('\n'), '/sys/fs/cgroup')!
  expect(line).toMatchObject({ type: 'cgroup2', root: '/' })
  expect(line.options).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev', 'noexec']))
  expect(text.split('\n').filter(row => /^\d+$/.test(row))).toContain('1')
})

test("cgroup without a namespace shows the container's own place too, or nothing of others", () => {
  const output = inside('ls /sys/fs/cgroup | head -200; cat /proc/self/cgroup', config => {
    config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] })
  })
  expect(output).toContain('cgroup.procs')
})

test('devpts is an instance of its own', () => {
  expect(inside('ls /dev/pts; readlink /dev/ptmx')).toBe('ptmx\npts/ptmx')
})

test.skipIf(isCrun)('a mount point that is missing in a read-only bind is not made in its source', () => {
  const directory = makeDirectory()
  const change = (config: Config) => config.mounts.push(bind(directory, '/mnt', 'ro'), tmpfs('/mnt/below'))
  expectOneSentence(runBundle(makeBundle(change)), /mount `\/mnt\/below`: .*EROFS/, 'runc')
  expect(readdirSync(directory)).toEqual([])
})

test.skipIf(isRunc)('without a mount namespace the host’s stay what they are', () => {
  const { directory } = makeBundle(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount')
    Object.assign(config, { mounts: [] })
    for (const list of ['maskedPaths', 'readonlyPaths'] as const) delete config.linux[list]
    config.process.args = ['true']
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  const script = 'mount --make-rshared / && "$@" && exec cat /proc/self/mountinfo'
  const text = must(['unshare', '-m', '--propagation', 'unchanged', 'sh', '-c', script, 'sh', ...words])
  expect(parseMountinfo(text).find(({ target }) => target === '/')!.tags).toContainEqual(
    expect.stringMatching('shared'),
  )
})

test('mqueue is mounted', () => {
  const text = inside('cat /proc/self/mountinfo')
  expect(mountAt(text, '/dev/mqueue')).toMatchObject({ type: 'mqueue' })
})

test.skipIf(isRunc)('in a user namespace /dev/mqueue belongs to the root of the container', () => {
  expect(inside('stat -c %u:%g /dev/mqueue', addUserNamespace)).toBe('0:0')
})

test('an unknown option goes to the file system, whose refusal names the mount', () => {
  expectOneSentence(runBundle(makeBundle(config => config.mounts.push(tmpfs('/mnt', 'nosuch=1')))), /\/mnt/)
})

test('an unknown option of a bind mount is an error', () => {
  expectOneSentence(
    runBundle(makeBundle(config => config.mounts.push(bind(source(), '/mnt', 'nosuch=1')))),
    /nosuch/,
    'crun',
  )
})

test('an unknown file system is an error that names it', () => {
  const bundle = makeBundle(config => config.mounts.push({ destination: '/mnt', type: 'nosuchfs', source: 'none' }))
  expectOneSentence(runBundle(bundle), /nosuchfs/)
})

test('a missing source is an error that names it', () => {
  expectOneSentence(runBundle(makeBundle(config => config.mounts.push(bind('/no/source', '/mnt')))), /\/no\/source/)
})

test.skipIf(!isTsrun)('a file over a directory is an error that says which is which (peers: an errno)', () => {
  const bundle = makeBundle(config => config.mounts.push(bind(`${source()}/file`, '/usr')))
  expectOneSentence(runBundle(bundle), /director/)
})

test('--no-pivot makes a root that can not be left', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'cd /; cd ../../..; ls -d bin; test -e /work || echo contained']
  })
  expect(runBundle(bundle, {}, ['--no-pivot']).stdout).toBe('bin\ncontained\n')
})

// What is mounted twice in one place, as /proc is here after `unshare --mount-proc`, is too much for the peers.
const HIDING = isTsrun ? [false, true] : isRunc ? [false] : []

test.each(HIDING)('--no-pivot lets nobody mount a /proc without masks (user namespace: %s)', own => {
  const setfcap = ['CAP_SETFCAP']
  const bundle = makeBundle(config => {
    config.process.args = ['unshare', '-Urmpf', 'sh', '-c', 'mount -t proc none /proc 2> /dev/null && echo mounted']
    config.process.capabilities = { bounding: setfcap, permitted: setfcap, effective: setfcap }
    config.linux.maskedPaths = ['/proc/keys']
    config.linux.readonlyPaths = []
    if (!own) return
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
  })
  expect(runBundle(bundle, {}, ['--no-pivot'])).toMatchObject({ status: 1, stdout: '', stderr: '' })
  // The kernel allows it where a whole one is to be seen anyway.
  bundle.config.linux.maskedPaths = []
  bundle.save()
  expect(runBundle(bundle, {}, ['--no-pivot']).stdout).toBe('mounted\n')
})

test('a hundred mounts are made', () => {
  const directory = source()
  const count = inside('grep -c " /many/" /proc/self/mounts', config => {
    for (let at = 0; at < 100; at += 1) config.mounts.push(bind(directory, `/many/${at}`, 'ro', 'nosuid'))
  })
  expect(count).toBe('100')
})

test('a mount behind a link covers a directory in which mounts were made before', () => {
  const [first, second] = [source(), source()]
  mkdirSync(join(second, 'there'))
  const script = 'ls -d /real/*; cat /real/late/file /real/there/file; ls /real/there'
  const text = inside(script, (config, rootfs) => {
    mkdirSync(join(rootfs, 'real'))
    symlinkSync('/real', join(rootfs, 'link'))
    config.mounts.push(
      bind(first, '/real/early'),
      bind(second, '/link'),
      bind(first, '/real/late'),
      bind(first, '/real/there'),
      tmpfs('/real/deep/er', 'mode=755'),
      bind(join(first, 'file'), '/real/new/file'),
    )
  })
  expect(text.split('\n')).toEqual(
    ['deep', 'file', 'late', 'new', 'there'].map(name => `/real/${name}`).concat('of the host', 'of the host', 'file'),
  )
})

test('mounts in directories below other mounts are found by their names', () => {
  const directory = source()
  const text = inside('cd /m; find . -name file | sort', config => {
    config.mounts.push(
      bind(directory, '/m/a/x'),
      tmpfs('/m/b', 'mode=755'),
      bind(directory, '/m/b/c/x'),
      bind(directory, '/m/b/c/y'),
      tmpfs('/m/b', 'mode=755'),
      bind(directory, '/m/b/c/z'),
      bind(directory, '/m/a/y'),
      bind(join(directory, 'file'), '/m/b/file'),
    )
  })
  expect(text.split('\n')).toEqual(['./a/x/file', './a/y/file', './b/c/z/file', './b/file'])
})

test('an empty root directory without a /dev or /proc of its own works', () => {
  const result = runScript('echo $0', (_, rootfs) => {
    for (const name of ['dev', 'proc', 'sys', 'tmp']) must(['rmdir', join(rootfs, name)])
  })
  expect(result).toMatchObject({ status: 0, stdout: 'sh\n' })
})
