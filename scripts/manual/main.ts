import { writeFileSync } from 'node:fs'
import { manual } from './text.ts'

writeFileSync(new URL('../../docs/commands.md', import.meta.url), manual())
