/** The value of a variable in an environment, a list of `NAME=value`. */
export function variable(env: readonly string[], name: string): string | undefined {
  const beginning = `${name}=`
  return env.find(entry => entry.startsWith(beginning))?.slice(beginning.length)
}
