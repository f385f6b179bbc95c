import { createQuickjsHost } from '../../native/hosts/quickjs.ts'
import { commands } from '../cli/line/commands.ts'
import { verbs } from '../cli/verbs.ts'
import { main } from '../main.ts'
import { rehearse } from './rehearsal.ts'

// What is evaluated here becomes part of the executable: see native/quickjs/heap.c. Only help, usage errors and rare commands need more.
for (const [name, load] of Object.entries(verbs)) if (!commands[name as keyof typeof verbs].rare) await load()
rehearse()

globalThis.start = async () => {
  const host = createQuickjsHost()
  return host.exit(await main(host))
}
