// Which rows of a long list with one row height are drawn.

/** Rows drawn above and below the view, so that a fast scroll shows no holes. */
const SPARE_ROWS = 8

export interface RowWindow {
  first: number
  last: number
}

/** The rows (from `first`, before `last`) to draw for a scroll position; sizes in pixels. */
export function rowWindow(scroll: number, view: number, row: number, count: number): RowWindow {
  const first = Math.max(0, Math.floor(scroll / row) - SPARE_ROWS)
  const last = Math.min(count, Math.ceil((scroll + view) / row) + SPARE_ROWS)
  return { first: Math.min(first, last), last }
}

/** The scroll position at which the row is wholly in view, moving as little as possible. */
export function scrollTo(place: number, scroll: number, view: number, row: number): number {
  if (place * row < scroll) return place * row
  if ((place + 1) * row > scroll + view) return (place + 1) * row - view
  return scroll
}
