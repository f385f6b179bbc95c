// QuickJS does not know `using`. The build puts this in the place of every `Symbol.dispose`; esbuild's lowered `using` looks
// for the same registered symbol where the engine has none of its own.
const dispose: unique symbol = Symbol.for('Symbol.dispose')

export { dispose as 'Symbol.dispose' }
