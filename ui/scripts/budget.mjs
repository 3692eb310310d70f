// Fails the build when the console's first paint needs more than its budget, or anything points outside.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/** First paint on a slow government desktop: Vue takes 25 KB of it, the rest is ours. */
const SCRIPT_GZ_BYTES_MAX = 60 * 1024
const OUT = new URL('../../dashboard_api/webui/', import.meta.url)

const packed = (name) => gzipSync(readFileSync(new URL(name, OUT)), { level: 9 }).length

for (const name of readdirSync(OUT, { recursive: true })) {
  if (/\.\w+$/.test(name)) console.log(`${name.padEnd(36)} ${String(packed(name)).padStart(6)} B gz`)
}
for (const page of ['index.html', 'api.html']) {
  const scripts = readFileSync(new URL(page, OUT), 'utf8').match(/[\w./-]+\.js(?=")/g) ?? []
  const bytes = scripts.reduce((sum, name) => sum + packed(name), 0)
  console.log(`${page} needs ${bytes} B gz of scripts, at most ${SCRIPT_GZ_BYTES_MAX}`)
  if (bytes > SCRIPT_GZ_BYTES_MAX) {
    console.error('over the budget')
    process.exit(1)
  }
}
for (const page of ['index.html', 'api.html']) {
  const outside = readFileSync(new URL(page, OUT), 'utf8').match(/(?:src|href)="(?:https?:)?\/[^"]*"/)
  if (outside) {
    console.error(`${page} holds an address that is not relative: ${outside[0]}`)
    process.exit(1)
  }
}
