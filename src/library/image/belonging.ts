import { lstatSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { removeAll } from './removal.ts'

// An unpacked image is the bundle of its container. It lies where only its owner can rename or replace it, and says whose it
// is; only then it is removed with a container of that name.

/** For what is large, and may outlive a reboot; see hier(7). */
const BASE = '/var/tmp'
const PREFIX = 'tsrun-image-'
/** The file that says whose it is. */
const OWNER = 'container'

/** A new directory for the image of a container. */
export function makeImageDirectory(id: string): string {
  const directory = mkdtempSync(join(BASE, PREFIX))
  writeFileSync(join(directory, OWNER), id)
  return directory
}

/** Removes the bundle of a container that is gone, if it is an unpacked image of its own. */
export function removeImageDirectory(outside: Kernel<'outside'>, bundle: string, id: string): void {
  if (dirname(bundle) !== BASE || !basename(bundle).startsWith(PREFIX)) return
  const stat = lstatSync(bundle, { throwIfNoEntry: false })
  if (!stat?.isDirectory() || stat.uid !== process.geteuid!()) return
  if (readOwner(bundle) === id) removeAll(outside, AT_FDCWD, bundle)
}

function readOwner(bundle: string): string | undefined {
  try {
    return readFileSync(join(bundle, OWNER), 'utf8')
  } catch {
    return undefined // it is none of ours
  }
}
