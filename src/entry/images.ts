/**
 * Makes the images of the command (see compiled.ts) for the Node.js and the options of this process: calls it on a kernel
 * in memory, and keeps the code that V8 has made of the functions that were needed.
 */
import { renameSync, writeFileSync } from 'node:fs'
import type { Script } from 'node:vm'
import { SIGTERM } from '../../native/abi/signal.ts'
import { callNumbers } from '../../native/arch/numbers.ts'
import type { Host } from '../../native/host.ts'
import { createScriptedHost, fileAt, type ScriptedHost } from '../../testing/scripted.ts'
import { specTemplate } from '../config/template.ts'
import {
  compile,
  type Extent,
  findKoffi,
  imageFile,
  makeImage,
  type CompiledProgram,
  readProgram,
  runScript,
} from './compiled.ts'
import { rehearsedProfile } from './rehearsal.ts'

/** A host with two bundles: a program that ends at once, and one that runs until it is killed. */
function createWorld(): ScriptedHost {
  const host = createScriptedHost({ programs: { '/bin/job': { exit: 0 } } })
  for (const name of ['job', 'service']) {
    const config = specTemplate()
    config.process!.args = [name]
    config.linux!.seccomp = rehearsedProfile
    fileAt(host.world.root, `/${name}/config.json`, JSON.stringify(config))
    fileAt(host.world.root, `/${name}/rootfs/bin/${name}`, '', 0o755)
  }
  return host
}

/** The host as one command sees it; what it prints goes nowhere. */
function hostFor(line: string, world: ScriptedHost): Host {
  const prints = (number: number, fd: unknown) => number === callNumbers.x86_64.write && (fd === 1 || fd === 2)
  return {
    ...world,
    argv: line.split(' '),
    syscall: (number, args) => (prints(number, args[0]) ? Number(args[2]) : world.syscall(number, args)),
  }
}

/** Calls each function of the real host once, without an effect. */
async function exercise(host: Host): Promise<void> {
  host.unmap(host.allocate(1))
  host.spawn({ file: '/', argv: [''], env: [], descriptors: [0] })
  host.watchSignals([SIGTERM])
  await host.poll([{ fd: 0, events: 0 }], 0)
}

async function call({ main }: CompiledProgram, world: ScriptedHost, lines: readonly string[]): Promise<void> {
  for (const line of lines)
    if ((await main(hostFor(line, world))) !== 0) throw new Error(`\`tsrun ${line}\` failed on the kernel in memory`)
}

/** Keeps what V8 has compiled of the script by now. */
function keep(extent: Extent, text: string, script: Script): void {
  const path = imageFile(extent)
  writeFileSync(`${path}.new`, makeImage(text, script.createCachedData()), { flush: true })
  renameSync(`${path}.new`, path)
}

async function makeImages(): Promise<void> {
  const koffi = findKoffi()
  const text = readProgram()
  using world = createWorld()
  // Another script, or its functions would be compiled in the one that is not to have them.
  const maker = runScript(compile(`${text}\n`), koffi)
  const script = compile(text)
  const program = runScript(script, koffi)
  await exercise(program.createNodeHost([]))
  await call(maker, world, ['create --bundle /service service', 'create --bundle /service other'])
  await call(program, world, ['start service', 'state service', 'list', 'kill service KILL', 'delete service'])
  await call(program, world, ['delete --force other', '--version'])
  keep('few', text, script)
  await call(program, world, ['create --bundle /service --pid-file /run/pid service', 'run --bundle /job job'])
  keep('all', text, script)
}

makeImages().then(() => process.exit())
