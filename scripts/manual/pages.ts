/** `npm run generate man`: writes the man pages to the directory man. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { releaseDate, version } from '../release/facts.ts'
import { manualPages } from './roff.ts'

mkdirSync('man', { recursive: true })
for (const { name, text } of manualPages(version, releaseDate())) writeFileSync(`man/${name}.1`, text)
