// The feed parsers: what they read, and that nothing in a feed stops or harms the rest.
import fc from 'fast-check'
import { test } from 'tap'
import { addRecord, MAX_SET_ASIDE_LISTED, newFeed } from '../../controller/catalog/feeds/feed-result.ts'
import { classificationOf } from '../../controller/catalog/feeds/microsoft-updates.ts'
import { parseMsrcArticles } from '../../controller/catalog/feeds/msrc-articles.ts'
import { parseMsrcCvrf } from '../../controller/catalog/feeds/msrc-cvrf.ts'
import { MAX_LINE_LENGTH } from '../../controller/catalog/feeds/ndjson.ts'
import { formatUpdate, parseRingmasterNdjson } from '../../controller/catalog/feeds/ringmaster-ndjson.ts'
import { anyUpdate } from './samples.ts'

test('an update written as a line of the feed is read back as it was', async (t) => {
  const property = fc.property(fc.array(anyUpdate, { maxLength: 5 }), (updates) => {
    const { records, setAsideTotal } = parseRingmasterNdjson(updates.map(formatUpdate).join('\n'))
    return (
      setAsideTotal === 0 &&
      JSON.stringify(records.map(({ update }) => sorted(update))) === JSON.stringify(updates.map(sorted))
    )
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 200 }))
})

function sorted(value: object): unknown {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
}

const GOOD =
  '{"id":"a","title":"A","vendor":"V","products":["P"],"classification":"Updates","released":"2025-10-14T00:00:00Z"}'

test('a bad line is set aside with its position and reason, and the rest is read', async (t) => {
  const lines = [
    `\uFEFF${GOOD}\r`,
    '',
    '{"id":',
    '[]',
    GOOD.replace('"Updates"', '"Patches"'),
    GOOD.replace('"title":"A",', '"titel":"A",'),
    `{"id":"${'x'.repeat(MAX_LINE_LENGTH)}"}`,
    GOOD.replace('2025-10-14T00:00:00Z', '14.10.2025'),
    GOOD.replace('"a"', '"b"'),
  ]
  const feed = parseRingmasterNdjson(lines.join('\n'), 'own.ndjson')
  t.same(
    feed.records.map(({ position, update }) => `${position} ${update.id}`),
    ['own.ndjson:1 a', 'own.ndjson:9 b'],
  )
  t.same(
    feed.setAside.map(({ position }) => position),
    [3, 4, 5, 6, 7, 8].map((line) => `own.ndjson:${line}`),
  )
  t.match(feed.setAside, [
    { reason: /no JSON/ },
    { reason: /no object/ },
    { reason: /^classification: /, id: 'a' },
    { reason: /titel/ },
    { reason: /longer than/ },
    { reason: /^released: / },
  ])
  t.equal(feed.total, 8)
})

test('any text at all is read without an exception, and what is set aside is bounded', async (t) => {
  const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
    for (const parse of [parseRingmasterNdjson, parseMsrcArticles]) parse(text)
    parseMsrcCvrf([
      { name: 'a', text },
      { name: 'b', text: `<cvrfdoc>${text}</cvrfdoc>` },
    ])
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 500 }))
  const many = parseRingmasterNdjson('x\n'.repeat(MAX_SET_ASIDE_LISTED + 5))
  t.equal(many.setAside.length, MAX_SET_ASIDE_LISTED)
  t.equal(many.setAsideTotal, MAX_SET_ASIDE_LISTED + 5)
})

test('a record that is no object, or has a hostile key, is set aside', async (t) => {
  const feed = newFeed()
  for (const record of [null, 7, 'text', JSON.parse('{"__proto__":{"id":"x"}}')]) addRecord(feed, 'here', record)
  t.equal(feed.setAsideTotal, 4)
  t.equal(feed.records.length, 0)
})

const ARTICLE = {
  kb: 'KB5066835',
  released: '2025-10-14',
  type: 'Security Update',
  severity: 'Critical',
  restart: 'Yes',
  knownIssue: true,
  products: ['Windows 11 Version 24H2 for x64-based Systems', 'Windows 11 Version 24H2 for ARM64-based Systems'],
  supersedes: { KB5065426: '*', KB5064010: ['Windows 11 Version 24H2 for ARM64-based Systems'], KB5066835: '*' },
  cves: ['CVE-2025-1'],
  exploited: ['CVE-2025-1'],
}

test('an article is one update for each product, each with its own supersedence', async (t) => {
  const feed = parseMsrcArticles(JSON.stringify(ARTICLE))
  const [x64, arm64] = feed.records.map(({ update }) => update)
  t.match(x64, {
    id: 'microsoft:kb5066835:windows-11-version-24h2-for-x64-based-systems',
    title: '2025-10 Cumulative Update for Windows 11 Version 24H2 for x64-based Systems (KB5066835)',
    classification: 'Security Updates',
    severity: 'Critical',
    articleIds: ['5066835'],
    exploited: ['CVE-2025-1'],
    released: Date.parse('2025-10-14T00:00:00Z'),
    architecture: 'X64',
    restart: 'Requires',
    knownIssue: true,
    uninstallable: true,
    maxRunTimeMinutes: 60,
  })
  const slug = (product: string) => `windows-11-version-24h2-for-${product}-based-systems`
  t.same(x64?.supersedes, ['5065426', '5066835'].map((kb) => `microsoft:kb${kb}:${slug('x64')}`).sort())
  t.same(
    arm64?.supersedes,
    ['5064010', '5065426', '5066835'].map((kb) => `microsoft:kb${kb}:${slug('arm64')}`),
  )
})

test('titles, classes, architecture and removal follow what the article is', async (t) => {
  const read = (type: string | null, product: string) =>
    parseMsrcArticles(JSON.stringify({ ...ARTICLE, type, products: [product], restart: null, severity: null }))
      .records[0]?.update
  t.match(read('Monthly Rollup', 'Windows Server 2012 R2'), {
    title: '2025-10 Security Monthly Quality Rollup for Windows Server 2012 R2 (KB5066835)',
    architecture: 'Any',
    restart: 'Unknown',
    severity: 'None',
    uninstallable: true,
  })
  t.match(read('ServicingStackUpdate', 'Windows 10 for 32-bit Systems'), {
    title: '2025-10 Servicing Stack Update for Windows 10 for 32-bit Systems (KB5066835)',
    architecture: 'X86',
    uninstallable: false,
  })
  t.match(read('SecurityHotpatchUpdate', 'Windows Server 2025'), {
    title: /Security Hotpatch Update for/,
    uninstallable: true,
  })
  t.match(read(null, 'Microsoft Excel 2016 (64-bit edition)'), {
    title: 'Microsoft Excel 2016 (64-bit edition) — security update (KB5066835)',
    architecture: 'X64',
    maxRunTimeMinutes: 20,
    uninstallable: false,
  })
  t.match(read('Security Update', 'Microsoft .NET Framework 3.5 on Windows Server 2019'), {
    title: /^2025-10 Security Update for Microsoft .NET/,
  })
  t.equal(classificationOf('Preview Rollup'), 'Updates')
  t.equal(classificationOf('Feature update'), 'Upgrades')
  t.equal(classificationOf('Something new'), 'Security Updates')
})

test('an article that cannot be read is set aside whole', async (t) => {
  const bad = [
    { ...ARTICLE, kb: 'MS16-001' },
    { ...ARTICLE, products: [] },
    { ...ARTICLE, released: '2025-13-01' },
    { kb: 5 },
  ]
  const feed = parseMsrcArticles([...bad, ARTICLE].map((article) => JSON.stringify(article)).join('\n'), 'msrc')
  t.same(
    feed.setAside.map(({ position }) => position),
    ['msrc:1', 'msrc:2', 'msrc:3', 'msrc:4'],
  )
  t.equal(feed.records.length, 2)
  t.equal(feed.total, 6)
})

const remediation = (article: string, products: string[], more = '') =>
  `<vuln:Remediation Type="Vendor Fix"><vuln:Description>${article}</vuln:Description>${products
    .map((id) => `<vuln:ProductID>${id}</vuln:ProductID>`)
    .join('')}${more}</vuln:Remediation>`
const vulnerability = (cve: string, remediations: string, status = 'No') =>
  `<vuln:Vulnerability><vuln:CVE>${cve}</vuln:CVE><vuln:Threats><vuln:Threat Type="Exploit Status"><vuln:Description>Publicly Disclosed:No;Exploited:${status}</vuln:Description></vuln:Threat><vuln:Threat Type="Severity"><vuln:Description>${status === 'Yes' ? 'Critical' : 'Important'}</vuln:Description><vuln:ProductID>1</vuln:ProductID></vuln:Threat></vuln:Threats><vuln:Remediations>${remediations}</vuln:Remediations></vuln:Vulnerability>`
const cvrf = (vulnerabilities: string, date = '2025-10-14T07:00:00') =>
  `<?xml version="1.0"?><cvrf:cvrfdoc><cvrf:InitialReleaseDate>${date}</cvrf:InitialReleaseDate><prod:FullProductName ProductID="1">Windows Server 2022</prod:FullProductName><prod:FullProductName ProductID="2">Windows 10 for x64-based Systems</prod:FullProductName>${vulnerabilities}</cvrf:cvrfdoc>`
const one = (text: string, name = 'doc.xml') => parseMsrcCvrf([{ name, text }])

test('CVRF remediations of one article and product become one update over all vulnerabilities', async (t) => {
  const details =
    '<vuln:Supercedence>5065426</vuln:Supercedence><vuln:RestartRequired>Yes</vuln:RestartRequired><vuln:SubType>Security Update</vuln:SubType>'
  const knownIssue =
    '<vuln:Remediation Type="Known Issue"><vuln:Description>5066835</vuln:Description></vuln:Remediation>'
  const feed = one(
    cvrf(
      vulnerability('CVE-2025-2', remediation('5066835', ['1', '2'], details), 'Yes') +
        vulnerability(
          'CVE-2025-1',
          remediation('KB5066835', ['1'], '<vuln:RestartRequired>Maybe</vuln:RestartRequired>') + knownIssue,
        ) +
        vulnerability('CVE-2025-3', remediation('Release Notes', ['1'])),
    ),
  )
  t.same(feed.setAside, [])
  t.equal(feed.skipped, 1)
  t.equal(feed.records.length, 2)
  t.match(feed.records[1]?.update, {
    id: 'microsoft:kb5066835:windows-server-2022',
    cves: ['CVE-2025-1', 'CVE-2025-2'],
    exploited: ['CVE-2025-2'],
    severity: 'Critical',
    restart: 'Requires',
    knownIssue: true,
    supersedes: ['microsoft:kb5065426:windows-server-2022'],
    released: Date.parse('2025-10-14T00:00:00Z'),
  })
  t.match(feed.records[0]?.update, { cves: ['CVE-2025-2'], severity: 'None' })
})

test('an article that comes up again in an older document is one update, released when most of it was', async (t) => {
  const old = cvrf(vulnerability('CVE-2025-9', remediation('5066835', ['1'])), '2025-01-14T00:00:00')
  const month = cvrf(
    vulnerability('CVE-2025-1', remediation('5066835', ['1'])) +
      vulnerability('CVE-2025-2', remediation('5066835', ['1'])),
  )
  for (const texts of [
    [old, month],
    [month, old],
  ]) {
    const feed = parseMsrcCvrf(texts.map((text, i) => ({ name: `${i}`, text })))
    t.equal(feed.records.length, 1)
    t.equal(feed.records[0]?.update.released, Date.parse('2025-10-14T00:00:00Z'))
    t.same(feed.records[0]?.update.cves, ['CVE-2025-1', 'CVE-2025-2', 'CVE-2025-9'])
  }
})

test('a bad remediation is set aside with its line, and the others are read', async (t) => {
  const feed = one(
    cvrf(
      `\n${vulnerability('CVE-2025-1', `${remediation('', ['1'])}\n${remediation('5066835', [])}\n${remediation('5066836', ['1', '99'])}`)}`,
    ),
  )
  t.same(
    feed.setAside.map(({ position }) => position),
    ['doc.xml:2', 'doc.xml:3', 'doc.xml:4'],
  )
  t.match(feed.setAside, [{ reason: /no article/ }, { reason: /names no product/ }, { reason: /does not list: 99/ }])
  t.same(
    feed.records.map(({ update }) => update.id),
    ['microsoft:kb5066836:windows-server-2022'],
  )
})

test('XML that is cut off, broken, too deep or declares a document type is refused whole, and other documents are read', async (t) => {
  const good = cvrf(vulnerability('CVE-2025-1', remediation('5066835', ['1'])))
  const bomb = `<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>${good.slice(21)}`
  const refused: [string, RegExp][] = [
    [good.slice(0, -30), /unclosed|end/i],
    [good.slice(0, good.length / 2), /unclosed|end/i],
    [bomb, /DOCTYPE/],
    [good.replace('CVE-2025-1', '&unknown;'), /entity/],
    [`<cvrfdoc>${'<a>'.repeat(100_000)}`, /deeper/],
    ['', /./],
    ['<html></html>', /no CVRF/],
    ['<cvrfdoc></cvrfdoc>', /InitialReleaseDate/],
  ]
  for (const [text, reason] of refused) {
    const feed = parseMsrcCvrf([
      { name: 'bad.xml', text },
      { name: 'good.xml', text: good },
    ])
    t.equal(feed.records.length, 1)
    t.match(feed.setAside, [{ position: /^bad\.xml:/, reason }], String(reason))
  }
})
