// The few things of a browser that modules touch when they are loaded.
Object.assign(globalThis, {
  document: { documentElement: {}, createElement: () => ({}) },
  location: { hash: '', pathname: '/', search: '' },
  window: { addEventListener: () => undefined },
})
