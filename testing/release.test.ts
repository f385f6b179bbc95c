import { expect, test } from 'vitest'
import { type Component, licenceText } from '../scripts/release/components.ts'
import { ARCHITECTURES, manifest, version } from '../scripts/release/facts.ts'
import { programManifest } from '../scripts/release/npm.ts'
import { sbom } from '../scripts/release/sbom.ts'

const list: Component[] = [
  { name: 'QuickJS', version: '1.2', licence: 'MIT', text: 'Permission is granted', purl: 'pkg:generic/quickjs@1.2' },
  { name: '@a/b', version: '3.0.0', licence: 'ISC', text: 'As is', purl: 'pkg:npm/%40a/b@3.0.0' },
]

interface Spdx {
  SPDXID: string
  packages: { SPDXID: string; name: string; checksums?: { checksumValue: string }[] }[]
  relationships: { spdxElementId: string; relationshipType: string; relatedSpdxElement: string }[]
  creationInfo: { created: string }
}

test('sbom() names everything once, and relates what it names', () => {
  const document = JSON.parse(sbom(list, 'abc')) as Spdx
  const ids = document.packages.map(({ SPDXID }) => SPDXID)
  expect(ids).toEqual(['SPDXRef-tsrun', 'SPDXRef-QuickJS', 'SPDXRef--a-b'])
  for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/)
  expect(document.packages[0]?.checksums).toMatchObject([{ checksumValue: 'abc' }])
  for (const { spdxElementId, relatedSpdxElement } of document.relationships)
    expect([document.SPDXID, ...ids]).toEqual(expect.arrayContaining([spdxElementId, relatedSpdxElement]))
  expect(document.creationInfo.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
})

test('sbom() is the same each time', () => {
  expect(sbom(list, 'abc')).toBe(sbom(list, 'abc'))
})

test('the package for npm depends on what the program does, and on the binaries where they fit', () => {
  const { name, dependencies, optionalDependencies, devDependencies } = programManifest(ARCHITECTURES)
  expect(name).toBe('@tsrun/tsrun')
  expect([dependencies, devDependencies]).toEqual([manifest['dependencies'], undefined])
  expect(optionalDependencies).toEqual({
    ...(manifest['optionalDependencies'] as object),
    '@tsrun/linux-x64': version,
    '@tsrun/linux-arm64': version,
  })
})

test('licenceText() has every text under its name', () => {
  expect(licenceText(list)).toMatch(
    /QuickJS 1\.2 \(MIT\)\n-+\n\nPermission is granted\n\n-+\n@a\/b 3\.0\.0 \(ISC\)\n-+\n\nAs is\n$/,
  )
})
