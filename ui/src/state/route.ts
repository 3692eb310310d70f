// Where the person is, kept in the fragment so that reload and links keep the opened alert or search.

import { ref } from 'vue'

export interface Route {
  view: 'alerts' | 'events'
  /** The opened alert. */
  alert: string | null
  filter: string
  /** A named range such as `24h`, or empty for everything or for `start` and `end`. */
  range: string
  start: string
  end: string
}

export const HOME: Route = { view: 'alerts', alert: null, filter: '', range: '', start: '', end: '' }

export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [view, id] = path.split('/')
  const values = new URLSearchParams(query)
  const text = (name: string): string => values.get(name) ?? ''
  return {
    view: view === 'events' ? 'events' : 'alerts',
    alert: view === 'alerts' && id ? decodeURIComponent(id) : null,
    filter: text('filter'),
    range: text('range'),
    start: text('start'),
    end: text('end'),
  }
}

export function writeRoute(route: Route): string {
  if (route.view === 'alerts') return route.alert ? `#/alerts/${encodeURIComponent(route.alert)}` : '#/alerts'
  const values = new URLSearchParams()
  for (const name of ['filter', 'range', 'start', 'end'] as const) {
    if (route[name] !== '') values.set(name, route[name])
  }
  const query = values.toString()
  return query === '' ? '#/events' : `#/events?${query}`
}

/** The one-time token of a login link, if the fragment holds one. */
export function readToken(hash: string): string | null {
  return hash.startsWith('#token=') ? new URLSearchParams(hash.slice(1)).get('token') : null
}

export const route = ref<Route>(readRoute(location.hash))
/** The alert that was open when the search was begun: Esc leads back to it. */
let lastAlert: string | null = null

/** Go there; `replace` leaves no step for the back button. */
export function go(part: Partial<Route>, replace = false): void {
  const target = { ...HOME, ...part }
  if (route.value.view === 'alerts') lastAlert = route.value.alert
  const hash = writeRoute(target)
  if (replace) history.replaceState(null, '', hash)
  else history.pushState(null, '', hash)
  route.value = target
}

/** From the search back to where it was begun. */
export function goBack(): void {
  go({ view: 'alerts', alert: lastAlert })
}

window.addEventListener('popstate', () => {
  route.value = readRoute(location.hash)
})
