// Builds once more beside the committed files and compares every byte.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ui = fileURLToPath(new URL('..', import.meta.url))
const committed = join(ui, '../dashboard_api/webui')
const fresh = mkdtempSync(join(tmpdir(), 'fengsui-webui-'))

function contents(folder) {
  const found = new Map()
  for (const entry of readdirSync(folder, { recursive: true })) {
    const path = join(folder, String(entry))
    if (statSync(path).isFile()) found.set(relative(folder, path), readFileSync(path))
  }
  return found
}

try {
  const vite = join(ui, 'node_modules/vite/bin/vite.js')
  execFileSync(process.execPath, [vite, 'build', '--outDir', fresh, '--logLevel', 'warn'], { cwd: ui, stdio: 'inherit' })
  const [old, built] = [contents(committed), contents(fresh)]
  const names = new Set([...old.keys(), ...built.keys()])
  const differing = [...names].filter((name) => !old.get(name) || !built.get(name)?.equals(old.get(name)))
  if (differing.length > 0) {
    console.error(`these files are not what the source builds: ${differing.sort().join(', ')}; run npm run build`)
    process.exitCode = 1
  } else {
    console.log(`${names.size} files, every byte equal`)
  }
} finally {
  rmSync(fresh, { recursive: true })
}
