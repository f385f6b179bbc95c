// Those who listen on sockets of the host: a test sees who of them has been connected to, or written to.

import { launch } from './run.ts'
import { later } from './scene.ts'

const PROGRAM = `
import os, select, socket, sys
kinds = {'stream': socket.SOCK_STREAM, 'datagram': socket.SOCK_DGRAM}
def listener(word):
    kind, name, path = word.split(' ')
    one = socket.socket(socket.AF_UNIX, kinds[kind]); one.bind(path); os.chmod(path, 0o666)
    if kind == 'stream': one.listen(1000)
    return one, (kind, name)
listeners = dict(map(listener, sys.argv[1:])); held = []
print('ready', flush=True)
while True:
    for one in select.select(list(listeners), [], [])[0]:
        kind, name = listeners[one]
        if kind == 'stream':
            connection, _ = one.accept(); connection.close()
        else: one.recv(4096)
        print(name, flush=True)
`

export interface Listener {
  readonly kind: 'stream' | 'datagram'
  readonly name: string
  readonly path: string
}

/** Starts them, until the test ends; what it returns counts how often those of a name were called. */
export async function listen(...listeners: readonly Listener[]): Promise<(name: string) => Promise<number>> {
  const words = listeners.map(({ kind, name, path }) => `${kind} ${name} ${path}`)
  const running = launch(['python3', '-c', PROGRAM, ...words], { timeout: 3_600_000 })
  later(() => void running.child.kill('SIGKILL'))
  let said = ''
  running.child.stdout!.on('data', data => {
    said += data
  })
  await running.speaks
  return async name => {
    await new Promise(resolve => setTimeout(resolve, 200))
    return said.split('\n').filter(line => line === name).length
  }
}
