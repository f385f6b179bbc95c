// A client for the Kubernetes Container Runtime Interface, as small as its cases: a command a call.
//
// usage: cri VERB [ARGUMENT]...        CRI_SOCKET: where the server listens

import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { decode, encode, type Fields, type Message } from './protobuf.ts'

const METADATA: Fields = { name: 1, uid: 2, namespace: 3, attempt: 4 }
const NAMESPACES: Fields = { network: 1, pid: 2, ipc: 3 }
const SANDBOX: Fields = {
  metadata: [1, METADATA],
  logDirectory: 3,
  labels: [6, 'map'],
  linux: [8, { cgroupParent: 1, securityContext: [2, { namespaceOptions: [1, NAMESPACES] }], sysctls: [3, 'map'] }],
}
const CONTAINER: Fields = {
  metadata: [1, { name: 1, attempt: 2 }],
  image: [2, { image: 1 }],
  command: 3,
  envs: [6, { key: 1, value: 2 }],
  logPath: 11,
  linux: [15, { resources: 1, securityContext: [2, { namespaceOptions: [3, NAMESPACES] }] }],
}
const NODE = 2

const socket = process.env['CRI_SOCKET'] ?? '/run/containerd/containerd.sock'

/** One call of the service: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function call(method: string, fields: Fields, message: Message): Promise<Map<number, number | Buffer>> {
  const body = encode(fields, message)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return new Promise((resolve, reject) => {
    const session = connectHttp2('http://localhost', { createConnection: () => connect(socket) })
    session.on('error', reject)
    const stream = session.request({
      ':method': 'POST',
      ':path': `/runtime.v1.RuntimeService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const chunks: Buffer[] = []
    let status: string | undefined
    let reason = ''
    const look = (headers: Record<string, unknown>) => {
      status ??= headers['grpc-status'] as string | undefined
      reason ||= decodeURIComponent(String(headers['grpc-message'] ?? ''))
    }
    stream.on('response', look)
    stream.on('trailers', look)
    stream.on('data', chunk => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('end', () => {
      session.close()
      if (status === '0') resolve(decode(Buffer.concat(chunks).subarray(5)))
      else reject(new Error(`${method}: ${reason} (${status})`))
    })
    stream.end(Buffer.concat([head, body]))
  })
}

const text = (value: number | Buffer | undefined) => (value === undefined ? '' : String(value))
const inner = (value: number | Buffer | undefined) => decode(value as Buffer)

/** With the network of the machine, which needs no CNI plugin. */
function sandboxConfig(name: string): Message {
  return {
    metadata: { name, uid: `${process.pid}-${Date.now()}`, namespace: 'default', attempt: 0 },
    logDirectory: process.cwd(),
    linux: { securityContext: { namespaceOptions: { network: NODE } } },
  }
}

const STATES = ['created', 'running', 'exited', 'unknown']
const ID: Fields = { id: 1 }

const verbs: Record<string, (...words: string[]) => Promise<string>> = {
  async version() {
    return text((await call('Version', {}, {})).get(2))
  },
  async sandbox(name = '', handler = '') {
    const message = { config: sandboxConfig(name), handler }
    return text((await call('RunPodSandbox', { config: [1, SANDBOX], handler: 2 }, message)).get(1))
  },
  async 'sandbox-status'(id = '') {
    const status = inner((await call('PodSandboxStatus', ID, { id })).get(1))
    return status.get(3) === 1 ? 'not ready' : 'ready'
  },
  async create(sandbox = '', name = '', image = '', ...command: string[]) {
    const config = {
      metadata: { name, attempt: 0 },
      image: { image },
      command,
      envs: [{ key: 'A', value: 'b' }],
      logPath: `${name}.log`,
      linux: { securityContext: { namespaceOptions: { network: NODE } } },
    }
    const fields: Fields = { sandbox: 1, config: [2, CONTAINER], sandboxConfig: [3, SANDBOX] }
    return text(
      (await call('CreateContainer', fields, { sandbox, config, sandboxConfig: sandboxConfig('pod') })).get(1),
    )
  },
  async start(id = '') {
    await call('StartContainer', ID, { id })
    return ''
  },
  async exec(id = '', ...command: string[]) {
    const answer = await call('ExecSync', { id: 1, command: 2, timeout: 3 }, { id, command, timeout: 10 })
    process.exitCode = Number(answer.get(3) ?? 0)
    return text(answer.get(1)).trimEnd()
  },
  async status(id = '') {
    const status = inner((await call('ContainerStatus', ID, { id })).get(1))
    return `${STATES[Number(status.get(3) ?? 0)]} ${status.get(7) ?? 0}`
  },
  async stats(id = '') {
    const attributes = inner(inner((await call('ContainerStats', ID, { id })).get(1)).get(1))
    return text(attributes.get(1))
  },
  async stop(id = '', timeout = '0') {
    await call('StopContainer', { id: 1, timeout: 2 }, { id, timeout: Number(timeout) })
    return ''
  },
  async remove(id = '') {
    await call('RemoveContainer', ID, { id })
    return ''
  },
  async 'stop-sandbox'(id = '') {
    await call('StopPodSandbox', ID, { id })
    return ''
  },
  async 'remove-sandbox'(id = '') {
    await call('RemovePodSandbox', ID, { id })
    return ''
  },
}

const [verb = '', ...words] = process.argv.slice(2)
const run = verbs[verb]
if (run === undefined) throw new Error(`usage: cri ${Object.keys(verbs).join('|')}`)
try {
  const output = await run(...words)
  if (output !== '') console.log(output)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
