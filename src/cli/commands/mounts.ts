import { STDIN_FILENO } from '../../../native/abi/fcntl.ts'
import { decode } from '../../../native/utf8.ts'
import { checkId } from '../../config/id.ts'
import { parseMounts } from '../../config/mounts.ts'
import { addMounts, removeMounts } from '../../container/liveMounts.ts'
import { doing } from '../../errors.ts'
import { readInput } from '../../host/callersFiles.ts'
import type { Runtime } from '../../runtime.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb<'mounts'> = (runtime, _options, [deed = '', word = '', file = '']) => {
  const work = deed === 'add' ? addMounts : removeMounts
  const id = checkId(word)
  doing(`mounts ${deed} \`${id}\``, () => work(runtime, id, readMounts(runtime, file)))
}

function readMounts({ outside, absolute, warn }: Runtime, file: string) {
  const bytes = file === '-' ? outside.readAll(STDIN_FILENO) : readInput(outside, absolute(file))!
  return parseMounts(decode(bytes), file === '-' ? 'the standard input' : `\`${file}\``, warn)
}
