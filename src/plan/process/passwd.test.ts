import { expect, test } from 'vitest'
import { homeOf } from './passwd.ts'

const ROOT = 'root:x:0:0:root:/rooot:/bin/sh\n'

test.each([
  ['a line', ROOT, '/rooot'],
  ['the first line of several', `${ROOT}toor:x:0:0::/second:/bin/sh\n`, '/rooot'],
  ['no newline at the end', 'root:x:0:0:root:/rooot:/bin/sh', '/rooot'],
  ['lines that end as on Windows', 'root:x:0:0:root:/rooot\r\n', '/rooot'],
  ['zeros before an id', 'root:x:000:0:root:/rooot:/bin/sh\n', '/rooot'],
  ['a sign before an id', 'root:x:+0:0:root:/rooot:/bin/sh\n', '/rooot'],
  ['a space before an id', 'root:x: 0:0:root:/rooot:/bin/sh\n', '/rooot'],
  ['spaces before a line', `  ${ROOT}`, '/rooot'],
  ['empty lines', `\n\n   \n${ROOT}`, '/rooot'],
  ['a comment', `#root:x:0:0:root:/comment:/bin/sh\n${ROOT}`, '/rooot'],
  ['a line of NIS', `+:x:0:0:root:/nis:/bin/sh\n${ROOT}`, '/nis'],
  ['an id that is empty', `root:x::0:root:/empty:/bin/sh\n${ROOT}`, '/rooot'],
  ['an id of another base', `root:x:0x0:0:root:/hex:/bin/sh\n${ROOT}`, '/rooot'],
  ['an id beyond 32 bits', `root:x:4294967296:0:root:/wrapped:/bin/sh\n${ROOT}`, '/rooot'],
  ['a group that is no number', `root:x:0:wheel:root:/group:/bin/sh\n${ROOT}`, '/rooot'],
  ['an empty home', `root:x:0:0:root::/bin/sh\n${ROOT}`, ''],
  ['a line that ends before the home', `root:x:0:0:root\n${ROOT}`, ''],
  ['no shell', 'root:x:0:0:root:/rooot\n', '/rooot'],
  ['more fields', 'root:x:0:0:root:/rooot:/bin/sh:more\n', '/rooot'],
  ['a zero byte in another line', `a\0b:x:5:5::/:\n${ROOT}`, '/rooot'],
  ['a zero byte in the home', 'root:x:0:0:root:/ro\0oot:/bin/sh\n', '/ro'],
  ['a long line', `long:x:7:7:${'x'.repeat(70_000)}:/long:/bin/sh\n${ROOT}`, '/rooot'],
  ['somebody else', 'user:x:1:1::/user:/bin/sh\n', undefined],
  ['nothing', '', undefined],
])('%s', (_, text, home) => {
  expect(homeOf(text, 0)).toBe(home)
})
