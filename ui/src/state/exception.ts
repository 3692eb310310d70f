// An exception as it is told at an alert.

import type { ExceptionMark } from '../api/types'
import { localTime } from '../format'
import { t } from '../i18n'

/** Reason, owner and end in one line. */
export function exceptionText(mark: ExceptionMark): string {
  return t('exception.text', { reason: mark.reason, owner: mark.owner, until: localTime(mark.expires_at) })
}
