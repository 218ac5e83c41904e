/** The text with everything that a terminal or a log reader could take for more than a letter (controls, direction marks, line separators) as `\u{…}`. */
export function escapeText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '\n') return String.raw`\n`
    return String.raw`\u{` + (character.codePointAt(0) ?? 0).toString(16) + '}'
  })
}
