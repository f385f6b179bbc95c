import type { Point } from '../lib/bench.ts'
import { confined } from './confined.ts'
import { crowd } from './crowd.ts'
import { engine } from './engine.ts'
import { exec } from './exec.ts'
import { floor } from './floor.ts'
import { library } from './library.ts'
import { lifecycle } from './lifecycle.ts'
import { limits } from './limits.ts'
import { memory } from './memory.ts'
import { mounts } from './mounts.ts'
import { parallel } from './parallel.ts'
import { podman } from './podman.ts'
import { run } from './run.ts'
import { sequential } from './sequential.ts'
import { syscalls } from './syscalls.ts'

/** All points, in the order of the report. */
export const points: readonly Point[] = [
  sequential,
  run,
  floor,
  confined,
  library,
  lifecycle,
  exec,
  engine,
  mounts,
  memory,
  limits,
  parallel,
  crowd,
  podman,
  syscalls,
]
