// Alerts of the platform about itself: no detection, no events, a part of the platform for entity.

import type { AlertRow } from '../api/types'
import { word } from '../i18n'

export const isOwn = (alert: AlertRow): boolean => alert.rule.kind === 'platform'

/** The entity as it is read; a sensor's name stays as it is. */
export const entityText = (alert: AlertRow): string => (isOwn(alert) ? word('part', alert.entity) : alert.entity)
