/** Signals that tell of a reason, in the words of strsignal(3). */
const meanings: Readonly<Record<number, string>> = {
  4: 'illegal instruction',
  6: 'aborted',
  7: 'bus error',
  8: 'floating point exception',
  11: 'segmentation fault',
  13: 'broken pipe',
  24: 'CPU time limit exceeded',
  25: 'file size limit exceeded',
  31: 'bad system call',
}

/** How a process ended: `killed by signal 31 (bad system call)`. */
export function signalEnd(signal: number): string {
  const meaning = meanings[signal]
  return `killed by signal ${signal}${meaning === undefined ? '' : ` (${meaning})`}`
}
