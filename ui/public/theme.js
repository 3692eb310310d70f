// Runs before the first paint so that a chosen theme or language never flashes. A file of its own: the policy allows no inline script.
(() => {
  let theme = null
  let language = null
  try {
    theme = localStorage.getItem('fengsui.theme')
    language = localStorage.getItem('fengsui.language')
  } catch {
    // Storage may be closed to us; the defaults hold.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  if (language === 'en') document.documentElement.lang = 'en'
})()
