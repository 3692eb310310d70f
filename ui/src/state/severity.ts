// Severities by number, as alerts carry them.

export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const
