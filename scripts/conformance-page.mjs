const bound = { S: 'server', C: 'client', B: 'both' }

/** The page: what is tested in numbers, then a table per version, one row a statement. */
export function render(lists, statements) {
  const all = Array.from(statements.values()).filter(({ binds }) => binds !== '=')
  const of = (version) => all.filter((statement) => statement.version === version)
  return [
    '# Conformance',
    '',
    'Written by `pnpm conformance` from the unit tests and the sources: a test shows a statement when its name carries the',
    "statement's id, and `pnpm check` fails when a statement that binds a server has no passing test. The statements stand, in",
    `our own words, in ${lists.map(({ file }) => `[${file.split('/').at(-1)}](../${file})`).join(' and ')}.`,
    'Statements for clients are listed too: some of them a server can show from its side. The sources cite a statement of 3.1.1',
    'where 5.0 has none like it.',
    '',
    '| MQTT | statements | bind a server | of these tested | bind clients only | of these seen from our side |',
    '| :-- | --: | --: | --: | --: | --: |',
    ...lists.map(({ version }) => summary(version, of(version))),
    '',
    ...lists.flatMap(({ version }) => [
      `## MQTT ${version}`,
      '',
      '| statement | binds | says | shown by | obeyed in |',
      '| :-- | :-- | :-- | :-- | :-- |',
      ...of(version).map(row),
      '',
    ]),
  ].join('\n')
}

function summary(version, all) {
  const server = all.filter(({ binds }) => binds !== 'C')
  const client = all.filter(({ binds }) => binds === 'C')
  const tested = (some) => some.filter(({ tests }) => tests.size > 0).length
  return `| ${version} | ${all.length} | ${server.length} | ${tested(server)} | ${client.length} | ${tested(client)} |`
}

function row({ id, binds, says, tests, sources }) {
  const shown = Array.from(tests, ([file, count]) => `${link(file)} ${count}`).sort()
  const obeyed = Array.from(sources, link).sort()
  const text = says.replaceAll(/[|<>]/g, (sign) => `\\${sign}`)
  return `| ${id.replace('MQTT-', '')} | ${bound[binds]} | ${text} | ${shown.join(', ')} | ${obeyed.join(', ')} |`
}

function link(file) {
  const name = file
    .split('/')
    .at(-1)
    .replace(/(\.test)?\.ts$/, '')
  return `[${name}](../${file})`
}
