// Builds both pages into dashboard_api/webui with relative addresses, so that they work under any mount.
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

/** What only drawers share is none of the first paint's: it is packed beside them. */
const LATER = /\/src\/(crypto|registers)\//

export default defineConfig({
  base: './',
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: 'false' },
  build: {
    outDir: '../dashboard_api/webui',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', api: 'api.html' },
      // What two parts share is one file: each more costs the first paint its own head and packing.
      output: { codeSplitting: { groups: [{ name: 'base', minShareCount: 2, test: (id) => !LATER.test(id) }] } },
    },
  },
})
