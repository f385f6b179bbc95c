// Why a case fails on another runtime. tsrun has no row here: what fails there is a mistake.

/** Rows are tried in turn. */
export type Differences = readonly {
  readonly runtime: RegExp
  /** Words of the case's title. */
  readonly title: string
  readonly reason: string
}[]

export const differences: Differences = [
  {
    runtime: /^crun/,
    title: 'a container without a process',
    reason: 'start succeeds; the specification wants an error',
  },
]
