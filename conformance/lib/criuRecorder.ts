// A program named criu that notes what it is asked, says that it is of some version, and fails at everything else.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeMessage, encodeMessage } from '../../src/criu/protobuf.ts'
import { type CriuRequest, type CriuResponse, REQUEST, request, response } from '../../src/criu/rpc.ts'
import { makeDirectory } from './bundle.ts'

export interface Recorder {
  /** In this environment a runtime finds no other one. */
  env: Record<string, string | undefined>
  /** What it was asked up to now. */
  requests(): CriuRequest[]
}

type Version = NonNullable<CriuResponse['version']>

const hex = (answer: CriuResponse) => Buffer.from(encodeMessage(response, answer)).toString('hex')

/** The program for `criu swrk N`. A request begins with its type: the byte 8, and the number. */
const program = (file: string, version: string) => `#!${process.execPath}
const { appendFileSync, readSync, writeSync } = require('node:fs')
const line = Number(process.argv[3])
const room = Buffer.alloc(1 << 16)
for (let got; (got = readSync(line, room)) > 0; ) {
  appendFileSync(${JSON.stringify(file)}, room.toString('hex', 0, got) + '\\n')
  const type = room[1]
  const failure = Buffer.from([8, type, 16, 0])
  writeSync(line, type === ${REQUEST.VERSION} ? Buffer.from('${version}', 'hex') : failure)
  if (type !== ${REQUEST.VERSION}) break
}
`

/** Makes one; it is gone with the test. */
export function recordCriu(version: Version = { major_number: 4, minor_number: 2 }): Recorder {
  const directory = makeDirectory()
  const file = join(directory, 'requests')
  const answer = hex({ type: REQUEST.VERSION, success: true, version })
  writeFileSync(join(directory, 'criu'), program(file, answer), { mode: 0o755 })
  const lines = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [])
  return {
    env: { ...process.env, PATH: directory },
    requests: () => lines().map(text => decodeMessage(request, new Uint8Array(Buffer.from(text, 'hex')))),
  }
}
