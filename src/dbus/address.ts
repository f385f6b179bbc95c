/**
 * The sockets that a list of addresses names, in order: paths, with a leading NUL for an abstract name. Other transports
 * than unix sockets are left out. See D-Bus Specification, Server Addresses.
 */
export function socketPaths(addresses: string): string[] {
  return addresses.split(';').flatMap(address => {
    if (!address.startsWith('unix:')) return []
    const pairs = address
      .slice('unix:'.length)
      .split(',')
      .map(pair => pair.split('=', 2) as [string, string?])
    const value = (key: string) => pairs.find(([name]) => name === key)?.[1]
    const path = value('path')
    const abstract = value('abstract')
    if (path !== undefined) return [percentDecode(path)]
    return abstract === undefined ? [] : [`\0${percentDecode(abstract)}`]
  })
}

function percentDecode(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
