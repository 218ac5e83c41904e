/** What is said of a URL that cannot be dialled. */
export function unknownScheme(url: string, known: string): TypeError {
  return new TypeError(`${url} must begin with ${known}`)
}
