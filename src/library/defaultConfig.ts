import type { Config, Linux, Mount, Process, Root } from '../../spec/generated/config.ts'
import { specTemplate } from '../config/template.ts'
import { checkArgument, kinds } from './check/options.ts'

/** A configuration in which nothing that a caller is likely to change is missing. */
export interface CompleteConfig extends Config {
  process: Process & { args: string[]; env: string[] }
  root: Root
  mounts: Mount[]
  linux: Linux
}

/**
 * A configuration to start from, an object of its own at each call: that of `tsrun spec`, with a read-only root, namespaces of
 * its own (no network but the loopback interface), three capabilities and no way to more. Without privileges it has a user
 * namespace, too.
 *
 * @param rootfs the path of the root file system
 * @param args the program and its arguments
 */
export function defaultConfig(rootfs: string, args: readonly string[]): CompleteConfig {
  checkArgument('defaultConfig', 'rootfs', rootfs, kinds.text)
  checkArgument('defaultConfig', 'args', args, kinds.texts)
  const [uid, gid] = [process.geteuid!(), process.getegid!()]
  const config = specTemplate(uid === 0 ? {} : { rootless: { uid, gid } }) as CompleteConfig
  config.root.path = rootfs
  config.process.args = [...args]
  return config
}
