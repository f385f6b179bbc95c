/** What happens right now: one changing line on a terminal, otherwise a line per point. On stderr. */
export class Progress {
  readonly #terminal = process.stderr.isTTY === true
  #title = ''
  #total = 0
  #done = 0
  #since = 0

  begin(title: string, total: number): void {
    this.#title = title
    this.#total = total
    this.#done = 0
    this.#since = Date.now()
    if (!this.#terminal) process.stderr.write(`${title}\n`)
  }

  /** About to do a next step. */
  step(what: string): void {
    this.#done += 1
    if (!this.#terminal) return
    const { columns } = process.stderr
    const line = `${this.#title}: ${this.#done}/${this.#total} ${what}${this.#remaining()}`
    process.stderr.write(`\r\x1b[K${line.slice(0, columns - 1)}`)
  }

  end(): void {
    if (this.#terminal) process.stderr.write('\r\x1b[K')
  }

  /** A line that stays. */
  say(text: string): void {
    this.end()
    process.stderr.write(`${text}\n`)
  }

  #remaining(): string {
    const elapsed = Date.now() - this.#since
    if (elapsed < 3000 || this.#done < 2) return ''
    const seconds = Math.round((elapsed / (this.#done - 1)) * (this.#total - this.#done + 1)) / 1000
    return ` (${Math.round(seconds)} s left)`
  }
}
