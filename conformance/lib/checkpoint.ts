// Containers for the cases of checkpoint and restore.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from './bundle.ts'
import { type Change, command, oci, removeLater } from './container.ts'
import { whyNot } from './criu.ts'
import { eventually, must, type Result, run } from './run.ts'
import { isTsrun } from './runtime.ts'
import { fresh, later } from './scene.ts'

/** CRIU works, and these hold as well. */
export const when = (...conditions: boolean[]) => test.skipIf(whyNot !== undefined || !conditions.every(Boolean))
export const it = when()

/** Counts in a file; the number before a restart would be 1 again. */
export const COUNT = 'n=0; while :; do n=$((n+1)); echo $n > /count.new; mv /count.new /count; sleep 0.02; done'

/** A call that hands the null device on, and what it says of its own. */
export function quietly(words: readonly string[]): Result {
  return run(['sh', '-c', 'exec "$@" > /dev/null', 'sh', ...command(...words)])
}

export interface Scene {
  id: string
  bundle: Bundle
  images: string
}

/** A container that runs a shell script, with the null device for its streams. */
export function running(script = COUNT, change: Change = () => {}): Scene {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = ['sh', '-c', script]
    change(config, rootfs)
  })
  const id = removeLater(fresh())
  must(['sh', '-c', 'exec "$@" > /dev/null 2>&1', 'sh', ...command('run', '-d', '--bundle', bundle.directory, id)])
  return { id, bundle, images: join(makeDirectory(), 'images') }
}

export const count = ({ bundle }: Scene) =>
  existsSync(join(bundle.rootfs, 'count')) ? Number(readFileSync(join(bundle.rootfs, 'count'), 'utf8')) : 0

export function counts(scene: Scene, beyond = 3): number {
  return eventually(`more than ${beyond}`, () => (count(scene) > beyond ? count(scene) : undefined))
}

export function checkpoint({ id, images }: Scene, ...flags: string[]): Result {
  return oci(['checkpoint', '--image-path', images, ...flags, id])
}

export function mustCheckpoint(scene: Scene, ...flags: string[]): void {
  const { status, stderr } = checkpoint(scene, ...flags)
  if (status !== 0) throw new Error(`checkpoint: ${stderr}${logOf(scene, 'dump.log')}`)
}

export function logOf({ images }: Scene, file: string): string {
  const path = join(images, file)
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  return lines.filter(line => /Error|Warn/.test(line)).join('\n')
}

/** `restore --detach` under a new name, which it returns. */
export function restore(scene: Scene, ...flags: string[]): string {
  // The peers have CRIU make the first container's cgroup again, and nobody removes it.
  if (!isTsrun) later(() => run(['rmdir', `/sys/fs/cgroup/${scene.id}`]))
  const id = removeLater(fresh())
  const words = ['restore', '--detach', '--image-path', scene.images, '--bundle', scene.bundle.directory, ...flags, id]
  const script = 'exec "$@" > /dev/null 2> "$0"'
  const errors = join(makeDirectory(), 'errors')
  const { status } = run(['sh', '-c', script, errors, ...command(...words)])
  if (status === 0) return id
  throw new Error(`restore: ${readFileSync(errors, 'utf8')}${logOf(scene, 'restore.log')}`)
}
