// What the engine is trained with: work of the kinds that tsrun does, and nothing of tsrun itself, so that the engine need not
// be compiled again whenever tsrun changes.

class Out {
  #view
  constructor(size, initial) {
    this.size = size
    this.initial = initial
    this.bytes = new Uint8Array(size)
  }
  get view() {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
    return this.#view
  }
}

class Space {
  #top = 0
  constructor(size) {
    this.bytes = new Uint8Array(size)
    this.words = new Int32Array(this.bytes.buffer)
  }
  allocate(size) {
    const at = this.#top
    const end = (at + size + 7) & ~7
    if (end > this.bytes.length) throw new RangeError(`${size} bytes where ${this.bytes.length - at} are left`)
    this.#top = end
    return at
  }
  put(offset, value) {
    const { words } = this
    const at = offset >> 2
    if (typeof value === 'bigint') {
      words[at] = Number(BigInt.asIntN(32, value))
      words[at + 1] = Number(BigInt.asIntN(32, value >> 32n))
    } else {
      words[at] = value
      words[at + 1] = value === (value | 0) ? value >> 31 : Math.floor(value / 0x1_0000_0000)
    }
  }
  text(value) {
    const at = this.allocate(value.length + 1)
    for (let i = 0; i < value.length; i++) this.bytes[at + i] = value.charCodeAt(i)
    return at
  }
  reset() {
    this.#top = 0
  }
}

class CallError extends Error {
  constructor(call, number, cause) {
    super(`${call}: ${number}`, { cause })
    this.call = call
    this.number = number
  }
}

/** Calls with options and defaults, as typed calls are made, put into memory and answered. */
class Calls {
  #space = new Space(1 << 14)
  #lacking = new Set()
  #outs = []
  #log = []
  later(call) {
    if (this.#lacking.size > 0 && this.#lacking.has(call.name)) return this.later(call.instead())
    const operation = { call, address: 0, result: { value: -1 }, next: undefined }
    this.#log.push(operation)
    return operation
  }
  flush() {
    const { length } = this.#log
    for (const operation of this.#log) {
      const { name, args, subject } = operation.call
      operation.address = this.#space.allocate(64)
      for (let i = 0; i < args.length; i++) this.#word(operation.address + 8 * i, args[i])
      operation.result.value = name.length + (subject === undefined ? 0 : 1)
    }
    for (const { out, at } of this.#outs) out.bytes = this.#space.bytes.slice(at, at + out.size)
    this.#outs = []
    this.#log = []
    this.#space.reset()
    return length
  }
  #word(at, value) {
    if (typeof value === 'number' || typeof value === 'bigint') this.#space.put(at, value)
    else if (typeof value === 'string') this.#space.put(at, this.#space.text(value))
    else if (value === null) this.#space.put(at, 0)
    else if (value instanceof Out) this.#outs.push({ out: value, at: this.#space.allocate(value.size) })
    else if (Array.isArray(value)) value.forEach((part, i) => void this.#word(at + 8 * i, part))
    else this.#space.put(at, value.value)
  }
}

const flagsOf = new Map([
  ['ro', { set: 1 }],
  ['rw', { clear: 1 }],
  ['nosuid', { set: 2 }],
  ['nodev', { set: 4 }],
  ['noexec', { set: 8 }],
  ['rbind', { set: 0x5000, recursive: true }],
])

const config = JSON.stringify({
  ociVersion: '1.0.2',
  process: {
    user: { uid: 0, gid: 0, additionalGids: [1, 2, 3] },
    args: ['/bin/sh', '-c', 'true'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', 'TERM=xterm', 'HOME=/root'],
    capabilities: { bounding: ['CAP_AUDIT_WRITE', 'CAP_KILL'], effective: ['CAP_KILL'] },
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  },
  root: { path: 'rootfs', readonly: true },
  mounts: ['/proc', '/dev', '/dev/pts', '/dev/shm', '/sys', '/sys/fs/cgroup', '/data'].map((destination, i) => ({
    destination,
    type: i % 3 === 0 ? 'tmpfs' : 'none',
    source: `source${i}`,
    options: ['nosuid', 'noexec', i % 2 === 0 ? 'ro' : 'rw', 'mode=755', `size=${65536 * (i + 1)}k`],
  })),
  linux: {
    namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'network', path: '/run/netns/a' }],
    maskedPaths: ['/proc/kcore', '/proc/keys', '/sys/firmware'],
    resources: {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 1, minor: 3, access: 'rw' },
      ],
    },
    seccomp: { defaultAction: 'ERRNO', syscalls: [{ names: ['read', 'write', 'close'], action: 'ALLOW' }] },
  },
})

const schema = {
  ociVersion: 'string',
  process: { user: { uid: 'number', gid: 'number' }, args: ['string'], env: ['string'], noNewPrivileges: 'boolean' },
  root: { path: 'string', readonly: 'boolean' },
  mounts: [{ destination: 'string', type: 'string', source: 'string', options: ['string'] }],
}

function check(value, shape, path = '') {
  if (value === undefined) return
  if (typeof shape === 'string') {
    if (typeof value !== shape) throw new TypeError(`${path} is no ${shape}`)
  } else if (Array.isArray(shape)) value.forEach((entry, i) => void check(entry, shape[0], `${path}[${i}]`))
  else for (const [key, inner] of Object.entries(shape)) check(value[key], inner, path === '' ? key : `${path}.${key}`)
}

function* parts(path) {
  for (const name of path.split('/')) if (name !== '' && name !== '.') yield name
}

function planMount({ destination, type, source, options = [] }) {
  let flags = 0
  const data = []
  for (const option of options) {
    const known = flagsOf.get(option)
    if (known === undefined) {
      const equals = option.indexOf('=')
      data.push(equals < 0 ? [option] : [option.slice(0, equals), option.slice(equals + 1)])
    } else flags = (flags | (known.set ?? 0)) & ~(known.clear ?? 0)
  }
  return {
    op: type === 'none' ? 'bind' : 'filesystem',
    target: `/${[...parts(destination)].join('/')}`,
    type,
    source,
    flags,
    data,
  }
}

function plan(text, id) {
  const parsed = JSON.parse(text)
  check(parsed, schema)
  const { process, linux, mounts, root } = parsed
  const environment = Object.fromEntries(
    process.env.map(entry => {
      const equals = entry.indexOf('=')
      return [entry.slice(0, equals), entry.slice(equals + 1)]
    }),
  )
  const steps = mounts.map(planMount).filter(({ target }) => !target.startsWith('/none'))
  const names = new Set(linux.namespaces.map(({ type }) => type))
  const masks = linux.maskedPaths.flatMap(path =>
    steps.some(({ target }) => path.startsWith(`${target}/`)) ? [path] : [],
  )
  const capabilities = process.capabilities.bounding.reduce((bits, name) => bits | (1n << BigInt(name.length)), 0n)
  return {
    ...process,
    id,
    environment,
    steps,
    names,
    masks,
    capabilities,
    root: { ...root, path: root.path.replace(/\/+$/, '') },
  }
}

/** Instructions of a filter, with jumps that are filled in afterwards. */
function filter(names) {
  const code = []
  const jumps = []
  for (const [i, name] of names.entries()) {
    code.push({ code: 0x15, jt: 0, jf: 0, k: (name.length * 31 + i) >>> 0 })
    if (i % 4 === 3) jumps.push(code.length - 1)
  }
  for (const at of jumps) code[at].jt = Math.min(255, code.length - at - 1)
  const bytes = new Uint8Array(8 * code.length)
  const view = new DataView(bytes.buffer)
  code.forEach(({ code, jt, jf, k }, i) => {
    view.setUint16(8 * i, code, true)
    view.setUint8(8 * i + 2, jt)
    view.setUint8(8 * i + 3, jf)
    view.setUint32(8 * i + 4, k, true)
  })
  return bytes
}

function mountinfo(text) {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const words = line.split(' ')
      const dash = words.indexOf('-', 6)
      return {
        id: Number(words[0]),
        parent: Number(words[1]),
        target: words[4],
        type: words[dash + 1],
        shared: /\bshared:(\d+)/.exec(line)?.[1],
      }
    })
}

const table = Array.from(
  { length: 12 },
  (_, i) => `${i + 20} 1 0:${i} / /mnt/${i} rw,nosuid shared:${i} - tmpfs none rw,size=${i}k`,
).join('\n')

function doing(phrase, work) {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    throw new CallError(phrase, error.number, error)
  }
}

function perform({ steps, names, masks, args, environment, capabilities }, calls) {
  const disposals = []
  const keep = what => {
    disposals.push(() => (what.closed = true))
    return what
  }
  try {
    for (const { op, target, type, source, flags, data } of steps) {
      const fd = keep(calls.later({ name: 'fsopen', args: [type, 1], subject: type }).result)
      switch (op) {
        case 'bind':
          calls.later({
            name: 'open_tree',
            args: [fd, source, flags | 0x8000],
            subject: source,
            instead: () => undefined,
          })
          break
        case 'filesystem':
          for (const [key, value] of data) calls.later({ name: 'fsconfig', args: [fd, 1, key, value ?? null, 0] })
          calls.later({ name: 'fsconfig', args: [fd, 6, null, null, 0] })
          break
        default:
          throw new CallError('mount', 22)
      }
      calls.later({ name: 'move_mount', args: [fd, '', -100, target, 4], subject: target })
    }
    doing('the masks', () => masks.forEach(path => void calls.later({ name: 'mount', args: [path, new Out(16), 0] })))
    calls.later({ name: 'capset', args: [capabilities, [1, 2, 3]] })
    const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    calls.later({ name: 'execve', args: [args[0], args, words] })
    return calls.flush() + names.size
  } finally {
    for (const dispose of disposals.reverse()) dispose()
  }
}

async function life(id) {
  const calls = new Calls()
  const planned = plan(config, id)
  const made = await perform(planned, calls)
  const state = {
    id,
    pid: made,
    status: ['created', 'running'][made & 1],
    annotations: {},
    created: new Date(made).toISOString(),
  }
  const text = `${JSON.stringify(state, undefined, 2)}\n`
  const { pid, ...rest } = JSON.parse(text)
  filter([...planned.names, ...planned.masks, ...planned.env, 'read', 'write', 'openat', 'close', 'fstat', 'mmap'])
  const deepest = mountinfo(table).reduce((a, b) => (b.target.length > a.target.length ? b : a))
  if (deepest.type !== 'tmpfs' || rest.id !== id || pid !== made) throw new Error('a life went wrong')
  try {
    doing('a failure', () => {
      throw new CallError('openat', 2)
    })
  } catch (error) {
    return `${error.message} ${error.cause.message} ${id.padStart(8, '0')} ${pid.toString(16)}`
  }
}

for (let i = 0; i < 200; i++) life(`container-${i}`)
