import { Readable } from 'node:stream'

// `using` looks for symbols that old engines do not have. Node.js 20 adds them to its own realm, not to those of node:vm, in
// which vitest and jest run tests; there compilers go by Symbol.for(). So this is what the build has for Symbol.dispose and
// Symbol.asyncDispose.

const { dispose = Symbol.for('Symbol.dispose'), asyncDispose = Symbol.for('Symbol.asyncDispose') } = Symbol

export { asyncDispose as asyncDisposeSymbol, dispose as disposeSymbol }

/** All that an `await using` of this program may look for, whichever realm it is in and whoever compiled it. */
function asyncDisposeSymbols(): symbol[] {
  // That of the realm of Node.js itself: its own classes have it.
  const own = Object.getOwnPropertySymbols(Readable.prototype).find(
    ({ description }) => description === asyncDispose.description,
  )
  return [asyncDispose, Symbol.for('Symbol.asyncDispose'), ...(own ? [own] : [])]
}

/** Lets the method be found by everybody. */
export function disposableEverywhere(prototype: AsyncDisposable): void {
  const value = prototype[asyncDispose as typeof Symbol.asyncDispose]
  for (const symbol of asyncDisposeSymbols())
    Object.defineProperty(prototype, symbol, { value, writable: true, configurable: true })
}
