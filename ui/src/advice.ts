// What a person can do about a refused or failed request.

import type { ApiError } from './api/client'
import type { MessageKey } from './i18n'

export function adviceOn(problem: ApiError): MessageKey {
  if (problem.code === 'ui.unreachable') return 'error.unreachable'
  if (problem.code === 'ui.malformed') return 'error.malformed'
  if (problem.code.includes('filter')) return 'error.filter'
  if (problem.status === 403) return 'error.forbidden'
  if (problem.status === 404) return 'error.missing'
  if (problem.status === 400 || problem.status === 422) return 'error.request'
  return problem.status === 0 ? 'error.unexpected' : 'error.server'
}
