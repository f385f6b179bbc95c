const GAP = 3

/** Rows of text as aligned columns, one line each; the last column is as wide as it gets. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]! + GAP))).join('')
  return rows.map(row => `${line(row)}\n`).join('')
}
