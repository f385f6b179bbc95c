import { join } from 'node:path'
import { repository } from './repository.ts'
import { must } from './run.ts'

/** Makes an executable that needs no libraries, as one in a container may not, of conformance/lib/NAME.c. Needs a C compiler. */
export function compile(name: string, output: string): void {
  must(['cc', '-static', '-O2', '-Wall', '-pthread', '-o', output, join(repository, `conformance/lib/${name}.c`)])
}
