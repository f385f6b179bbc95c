// The other side of --console-socket: a program that takes the terminal of a container and holds it, as an engine does.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { beforeAll } from 'vitest'
import { makeDirectory } from './bundle.ts'
import { compile } from './compile.ts'
import { eventually, must } from './run.ts'
import { fresh, later, sceneDirectory } from './scene.ts'

export interface Console {
  /** The path for --console-socket. */
  socket: string
  /** What is known of the message that the terminal came with; waits for it. */
  received(): string
  /** What the terminal has said up to now, with \r\n as they are. */
  output(): string
  /** Waits until the terminal has said this, and gives everything. */
  until(pattern: RegExp): string
  type(text: string): void
  resize(rows: number, columns: number): void
  hangUp(): void
}

const program = join(sceneDirectory, 'console')

/** For all tests of a file; needs a C compiler, since nothing in JavaScript takes a descriptor out of a message. */
export function withConsole(): void {
  beforeAll(() => compile('console', program))
}

/** A listening console; `socket` is where, by default in a fresh directory. Ends with the test. */
export function openConsole(socket = join(makeDirectory(), 'console')): Console {
  const files = ['out', 'err'].map(kind => join(sceneDirectory, `${fresh('console')}.${kind}`))
  const [out, err] = files.map(path => openSync(path, 'w'))
  const commands = join(makeDirectory(), 'commands')
  must(['mkfifo', commands])
  const input = openSync(commands, 'r+')
  const child = spawn(program, [basename(socket)], { cwd: dirname(socket), stdio: [input, out!, err!] })
  for (const fd of [out!, err!]) closeSync(fd)
  later(() => {
    child.kill('SIGKILL')
    closeSync(input)
  })
  const [output, said] = files.map(path => () => readFileSync(path, 'utf8'))
  const command = (line: string) => void writeSync(input, `${line}\n`)
  eventually('the console to listen', () => said!().includes('ready'))
  return {
    socket,
    received: () => eventually('the terminal', () => /^bytes=.*(?:\n.+)*$/m.exec(said!())?.[0]),
    output: output!,
    until: pattern => {
      try {
        return eventually(`${pattern}`, () => (pattern.test(output!()) ? output!() : undefined))
      } catch (error) {
        throw new Error(`${(error as Error).message}; the terminal said: ${JSON.stringify(output!())}`)
      }
    },
    type: text => command(`type ${text.replaceAll('\n', '\\n')}`),
    resize: (rows, columns) => command(`size ${rows} ${columns}`),
    hangUp: () => command('hang up'),
  }
}
