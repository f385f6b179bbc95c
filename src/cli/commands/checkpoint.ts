import { checkId } from '../../config/id.ts'
import { checkpointContainer, type CheckpointRequest } from '../../criu/checkpoint.ts'
import { doing, UsageError } from '../../errors.ts'
import type { OptionsOf } from '../line/options.ts'
import type { Verb } from '../verb.ts'
import { criuSettings } from './criuSettings.ts'
import { given } from './request.ts'

export const verb: Verb<'checkpoint'> = (runtime, options, positionals) => {
  const request = checkpointRequest(options, checkId(positionals[0]!))
  doing(`checkpoint \`${request.id}\``, () => checkpointContainer(runtime, request))
}

/** Throws a UsageError for what makes no sense. */
export function checkpointRequest(options: OptionsOf<'checkpoint'>, id: string): CheckpointRequest {
  const pageServer = given(options['page-server'])
  const statusFd = given(options['status-fd'])
  return {
    ...criuSettings(options),
    id,
    parentPath: given(options['parent-path']),
    leaveRunning: options['leave-running'],
    preDump: options['pre-dump'],
    tcpSkipInFlight: options['tcp-skip-in-flight'],
    linkRemap: options['link-remap'],
    pageServer: pageServer === undefined ? undefined : parsePageServer(pageServer),
    statusFd: statusFd === undefined ? undefined : parseDescriptor(statusFd),
  }
}

/** `ADDRESS:PORT`, an address of IPv6 in brackets or not. */
function parsePageServer(text: string): { address: string; port: number } {
  const found = /^\[?(.+?)\]?:(\d{1,5})$/.exec(text)
  const port = Number(found?.[2])
  if (found === null || port < 1 || port > 65535)
    throw new UsageError(`--page-server: must be ADDRESS:PORT, is \`${text}\``)
  return { address: found[1]!, port }
}

function parseDescriptor(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new UsageError(`--status-fd: must be the number of a descriptor, is \`${text}\``)
  return Number(text)
}
