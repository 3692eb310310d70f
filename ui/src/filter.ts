// Building terms of the filter grammar (schema/filter.py reads them): field:value, quoted where needed.

/** One term; a value that the grammar would read otherwise stands in double quotes. */
export function term(field: string, value: string, denied = false): string {
  const plain = value !== '' && !/[\s"\\*]/.test(value) && !value.includes('..')
  const text = plain ? value : `"${value.replace(/["\\]/g, '\\$&')}"`
  return `${denied ? '-' : ''}${field}:${text}`
}

/** The filter with one more term; a term already there is not repeated. */
export function withTerm(filter: string, added: string): string {
  const kept = filter.trim()
  return kept.split(' ').includes(added) ? kept : [kept, added].filter((part) => part !== '').join(' ')
}
