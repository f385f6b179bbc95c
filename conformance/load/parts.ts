import { clocks, frozen, gone } from './frozen.ts'
import { hooks } from './hooks.ts'
import { kills } from './kills.ts'
import { alive, cycles } from './many.ts'
import type { Part } from './part.ts'
import { races } from './races.ts'
import { shortage } from './shortage.ts'

export const parts: readonly Part[] = [kills, shortage, frozen, gone, hooks, clocks, races, alive, cycles]
