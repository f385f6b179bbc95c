import { kills } from './kills.ts'
import type { Part } from './part.ts'
import { shortage } from './shortage.ts'

export const parts: readonly Part[] = [kills, shortage]
