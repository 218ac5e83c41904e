/** Is there a topic that both filters cover? Both are valid filters; else the answer means nothing. O(length). */
export function overlap(a: string, b: string): boolean {
  // What begins with a wildcard covers nothing that begins with `$`.
  if (a.startsWith('$') !== b.startsWith('$') && /^[+#]/.test(a.startsWith('$') ? b : a)) return false
  const [one, other] = [a.split('/'), b.split('/')]
  for (let i = 0; ; i++) {
    const [left, right] = [one[i], other[i]]
    // `#` covers the level above it as well.
    if (left === '#' || right === '#') return true
    if (left === undefined || right === undefined) return left === right
    if (left !== right && left !== '+' && right !== '+') return false
  }
}
