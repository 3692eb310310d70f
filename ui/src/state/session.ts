// Who is logged in, on which site, and how the page got there.

import { ref, shallowRef } from 'vue'

import { api, ApiError, onSessionEnded } from '../api/client'
import type { Me, Site } from '../api/types'
import { HOME, readToken, route } from './route'

export type Phase = 'starting' | 'failed' | 'login' | 'password' | 'console'

export const phase = ref<Phase>('starting')
export const site = shallowRef<Site | null>(null)
export const me = shallowRef<Me | null>(null)
export const failure = shallowRef<ApiError | null>(null)
/** Why the login page is shown, where it is not simply the first visit. */
export const loginReason = ref<'link' | 'ended' | null>(null)

onSessionEnded(() => {
  if (phase.value !== 'console' && phase.value !== 'password') return
  loginReason.value = 'ended'
  me.value = null
  phase.value = 'login'
})

// A login link opened in a tab that already shows the page changes nothing but the fragment.
window.addEventListener('hashchange', () => {
  if (readToken(location.hash) !== null) void start()
})

/** True where this person's roles hold the permission; the server decides, the page only leaves out what it would refuse. */
export function may(permission: string): boolean {
  return me.value?.permissions.includes(permission) ?? false
}

/** Whether there is anything of the national-crypto service this person may see. */
export const seesCrypto = (): boolean => may('keys.read') || may('applications.read')

/** Read the site, use a login link if the address holds one, else the session that may be there. */
export async function start(): Promise<void> {
  const token = readToken(location.hash)
  if (token !== null) {
    // The token leaves the address bar and the history before anything else happens.
    history.replaceState(null, '', location.pathname + location.search)
    route.value = HOME
  }
  phase.value = 'starting'
  try {
    site.value = await api.site()
    if (token !== null && (await useLink(token))) return
    enter(await api.me())
  } catch (error) {
    fail(error)
  }
}

async function useLink(token: string): Promise<boolean> {
  try {
    const person = await api.exchangeLink(token)
    await exchangeWithSibling(token)
    enter(person, true)
    return true
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error
    loginReason.value = 'link'
    return false
  }
}

/** The link is good once for each of the two sites; that the other has none of it is no error here. */
async function exchangeWithSibling(token: string): Promise<void> {
  const sibling = site.value?.sibling
  if (!sibling) return
  try {
    await api.exchangeLink(token, new URL(sibling.href, document.baseURI).toString())
  } catch {
    // The other site asks for a login of its own then.
  }
}

export function enter(person: Me, byLink = false): void {
  me.value = person
  loginReason.value = null
  phase.value = byLink && person.must_set_password ? 'password' : 'console'
}

function fail(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) {
    phase.value = 'login'
  } else {
    failure.value = error instanceof ApiError ? error : new ApiError(0, 'ui.unexpected', String(error))
    phase.value = 'failed'
  }
}

export async function logout(): Promise<void> {
  try {
    await api.logout()
  } catch (error) {
    // A session that is already over is what was wanted.
    if (!(error instanceof ApiError) || error.status !== 401) throw error
  }
  me.value = null
  loginReason.value = null
  phase.value = 'login'
}
