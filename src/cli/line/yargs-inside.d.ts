// The parts of yargs that its package does not declare: see yargs.ts.

declare module '*/yargs/build/lib/yargs-factory.js' {
  import type { Argv } from 'yargs'

  type Yargs = Argv & { usageConfiguration(configuration: { 'hide-types': boolean }): Argv }
  export function YargsFactory(platform: object): (words: readonly string[]) => Yargs
}

declare module '*/cliui/build/lib/index.js' {
  interface Text {
    stringWidth(text: string): number
    stripAnsi(text: string): string
    wrap(text: string, width: number): string
  }
  export function cliui(options: { width: number; wrap?: boolean }, text: Text): object
}

declare module 'yargs-parser/browser' {
  const parser: object
  export default parser
}
