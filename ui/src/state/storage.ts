// What the browser remembers for this person: language, theme, keys. Never data, never a session.

type Name = 'language' | 'theme' | 'keys'

export function stored(name: Name): string | null {
  try {
    return localStorage.getItem(`fengsui.${name}`)
  } catch {
    return null
  }
}

export function store(name: Name, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`fengsui.${name}`)
    else localStorage.setItem(`fengsui.${name}`, value)
  } catch {
    // Storage may be closed to us: the choice then holds until the page is left.
  }
}
