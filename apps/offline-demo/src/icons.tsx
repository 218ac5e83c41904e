import type { ReactElement } from 'react'

const paths = {
  check: 'M5 13l4.5 4.5L19 7',
  clock: 'M12 7v5l3 2M12 21a9 9 0 100-18 9 9 0 000 18z',
  close: 'M6 6l12 12M18 6L6 18',
  sliders: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 10a3 3 0 100-6 3 3 0 000 6zM8 20a3 3 0 100-6 3 3 0 000 6z',
  note: 'M5 5h14v10l-4 4H5zM15 19v-4h4M8.500 9.500h7M8.500 13h4',
  plus: 'M12 5v14M5 12h14',
  trash: 'M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12M10.500 11v5M13.500 11v5',
} as const

/** A drawing beside a word: it says nothing by itself. */
export function Icon({ name }: { readonly name: keyof typeof paths }): ReactElement {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  )
}
