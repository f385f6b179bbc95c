// The files of conformance/cases, which lie in a folder for each subject.

import { readdirSync } from 'node:fs'
import { repository } from './repository.ts'

const CASES = 'conformance/cases'
const ENDING = '.test.ts'

/** All of them, `conformance/cases/lifecycle/run.test.ts` for instance, in order. */
export function caseFiles(): string[] {
  const names = readdirSync(`${repository}/${CASES}`, { recursive: true, encoding: 'utf8' })
  return names
    .filter(name => name.endsWith(ENDING))
    .sort()
    .map(name => `${CASES}/${name}`)
}

let files: readonly string[] | undefined

/** The file with the cases of `run`, say: its name is the only one. Throws an error where there is none. */
export function caseFile(name: string): string {
  files ??= caseFiles()
  const file = files.find(path => path.endsWith(`/${name}${ENDING}`))
  if (file === undefined) throw new Error(`there is no ${name}${ENDING} in ${CASES}`)
  return file
}
