import type { Component } from './components.ts'
import { description, releaseTime, version } from './facts.ts'

const NOTHING = 'NOASSERTION'
const id = (name: string) => `SPDXRef-${name.replace(/[^A-Za-z0-9.-]/g, '-')}`

function packageOf(name: string, of: { version: string; licence: string; purl: string }): Record<string, unknown> {
  return {
    name,
    SPDXID: id(name),
    versionInfo: of.version,
    downloadLocation: NOTHING,
    filesAnalyzed: false,
    licenseConcluded: of.licence,
    licenseDeclared: of.licence,
    copyrightText: NOTHING,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: of.purl }],
  }
}

/** What the executable with this hash consists of: SPDX 2.3, as JSON. */
export function sbom(list: readonly Component[], sha256: string): string {
  const own = { version, licence: 'Apache-2.0', purl: `pkg:generic/tsrun@${version}` }
  const checksums = [{ algorithm: 'SHA256', checksumValue: sha256 }]
  const relate = (from: string, relationshipType: string, to: string) => ({
    spdxElementId: from,
    relationshipType,
    relatedSpdxElement: to,
  })
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `tsrun-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/tsrun-${version}-${sha256}`,
    creationInfo: {
      created: new Date(releaseTime() * 1000).toISOString().replace('.000', ''),
      creators: ['Tool: tsrun-release'],
    },
    packages: [
      { ...packageOf('tsrun', own), summary: description, packageFileName: 'tsrun', checksums },
      ...list.map(component => packageOf(component.name, component)),
    ],
    relationships: [
      relate('SPDXRef-DOCUMENT', 'DESCRIBES', id('tsrun')),
      ...list.map(({ name }) => relate(id('tsrun'), 'CONTAINS', id(name))),
    ],
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}
