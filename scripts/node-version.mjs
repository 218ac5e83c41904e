const oldest = 20

/** Ends the process with one clear line when this Node is older than isomq runs on. */
export function requireNode() {
  const major = Number.parseInt(process.versions.node, 10)
  if (major >= oldest) return
  process.stderr.write(
    `isomq needs Node ${oldest} or later, and this is Node ${process.versions.node}: https://nodejs.org\n`,
  )
  process.exit(1)
}
