import { createQuickjsHost } from '../../native/hosts/quickjs.ts'
import { commands } from '../cli/commands.ts'
import { main } from '../main.ts'
import { rehearse } from './rehearsal.ts'

// What is evaluated here becomes part of the executable: see native/quickjs/heap.c. Only help and usage errors need more.
for (const { load } of Object.values(commands)) await load?.()
rehearse()

globalThis.start = async () => {
  const host = createQuickjsHost()
  return host.exit(await main(host))
}
