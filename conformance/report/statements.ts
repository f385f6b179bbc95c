// spec/coverage.md as data: which cases show that a statement of the specification holds.

/** Cases: all of a file, or those whose titles contain one of these words. */
export interface Proof {
  readonly file: string
  readonly titles: readonly string[]
}

export interface Statement {
  /** `runtime.md` */
  readonly chapter: string
  readonly text: string
  readonly proofs: readonly Proof[]
}

/** `file`, and behind it titles in “ ”. */
const PROOF = /`([^`]+\.test\.ts)`((?:,? “[^”]+”)*)/g

/** Reads the tables of spec/coverage.md. */
export function readStatements(markdown: string): Statement[] {
  const statements: Statement[] = []
  let chapter = ''
  for (const line of markdown.split('\n')) {
    if (line.startsWith('## ')) chapter = line.slice(3)
    if (!line.startsWith('| ') || line.startsWith('| statement') || line.startsWith('| ---')) continue
    const [text = '', , test = ''] = line
      .split('|')
      .slice(1)
      .map(cell => cell.trim())
    statements.push({ chapter, text, proofs: readProofs(test) })
  }
  return statements
}

function readProofs(cell: string): Proof[] {
  return [...cell.matchAll(PROOF)].map(([, file = '', titles = '']) => ({
    file,
    titles: [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title),
  }))
}
