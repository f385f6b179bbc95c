import { createQuickjsHost } from '../../native/hosts/quickjs.ts'
import { commands } from '../cli/commands.ts'
import { main } from '../main.ts'
import { rehearse } from './rehearsal.ts'

// What is evaluated here becomes part of the executable: see native/quickjs/heap.c. Only help, usage errors and rare commands need more.
for (const { load, rare } of Object.values(commands)) if (!rare) await load?.()
rehearse()

globalThis.start = async () => {
  const host = createQuickjsHost()
  return host.exit(await main(host))
}
