/**
 * The smallest value above `from` and up to `to`, in multiples of `step`, that `holds`, found by halving: whatever lies
 * above a value that holds is taken to hold as well. Undefined when not even `to` does.
 */
export function smallest(
  from: number,
  to: number,
  step: number,
  holds: (value: number) => boolean,
): number | undefined {
  if (!holds(to)) return undefined
  let below = from / step
  let above = to / step
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2)
    if (holds(middle * step)) above = middle
    else below = middle
  }
  return above * step
}
