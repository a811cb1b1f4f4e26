// `diff`, `preview`, `snapshot` and `simulate --compare` as people call them: over directories, real repositories, a running
// controller and its data folder.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { main } from '../../controller/cli/main.ts'
import { type Started, startController } from '../../controller/cli/start-controller.ts'
import { MARKER } from '../../controller/preview/markdown.ts'
import { encodeExport } from '../../controller/state/exported-state.ts'
import { enrolWith, until } from '../serve/harness.ts'
import { CATALOG, DECLARATIONS, scenario } from '../simulate/samples.ts'
import { ring } from '../support/declare.ts'
import { newRepository, temporary } from '../support/git-repository.ts'
import { newStory, tell } from '../support/story.ts'
import { tokenHashOf } from '../support/token-hash.ts'

const AT = ['--at', '2026-01-14T12:00:00Z']
const NARROWED = DECLARATIONS.replace('P1M', 'PT6H')
const RECOLLECTED = DECLARATIONS.replace('{matchLabels: {ring: pilot}}', '{matchLabels: {ring: beta}}')
const FILES = { 'site/all.yaml': DECLARATIONS, 'site/catalog.ndjson': CATALOG }
const HERE = process.cwd()

async function run(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const exit = await main(args, {
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
  })
  return { exit, out, err }
}

async function within<T>(folder: string, work: () => Promise<T>): Promise<T> {
  process.chdir(folder)
  try {
    return await work()
  } finally {
    process.chdir(HERE)
  }
}

/** Two directories and a scenario. */
function folders(t: Test, head: string): { base: string; head: string; scenario: string } {
  const dir = temporary(t, 'ringmaster-diff-')
  for (const [name, text] of [
    ['base', DECLARATIONS],
    ['head', head],
  ] as const) {
    mkdirSync(join(dir, name))
    writeFileSync(join(dir, name, 'all.yaml'), text)
    writeFileSync(join(dir, name, 'catalog.ndjson'), CATALOG)
  }
  writeFileSync(join(dir, 'scenario.yaml'), scenario())
  return { base: join(dir, 'base'), head: join(dir, 'head'), scenario: join(dir, 'scenario.yaml') }
}

test('exit 0 without an effect, 1 with one, 3 for what is invalid or not there, 2 for wrong usage', async (t) => {
  const { base, head, scenario: file } = folders(t, NARROWED)
  t.match(await run('diff', base, base, ...AT), { exit: 0, out: /^No effect: nothing differs\./, err: '' })
  const changed = await run('diff', base, head, ...AT)
  t.match(changed, { exit: 1, err: '', out: /3 updates no longer selected\./ })
  t.match(changed.out, /no devices are known: name a controller/, 'and says that it knows none')
  t.match(changed.out, /released: wants within PT6H, is 2026-01-13T17:00:00Z/)
  writeFileSync(join(head, 'all.yaml'), NARROWED.replace('classifications', 'clasifications'))
  t.match(await run('diff', base, head), { exit: 3, out: '', err: /all\.yaml:\d+:\d+: RM\d+ .*classifications/ })
  t.match(
    await run('diff', head, base, ...AT),
    { exit: 1, out: /the base .* has 1 problems/ },
    'a broken base can be mended',
  )
  t.match(await run('diff', base, join(base, 'nowhere')), {
    exit: 3,
    err: /nowhere: cannot be read: it does not exist/,
  })
  for (const args of [
    [],
    [base],
    [base, base, base],
    [base, base, '--base', 'main'],
    [base, base, '--format', 'yaml'],
    [base, base, '--weeks', '9'],
    [base, base, '--weeks', '-1'],
    [base, base, '--at', 'noon'],
    [base, base, '--from', '2026-01-01T00:00:00Z'],
    [base, base, '--scenario', file, '--from', '2026-02-01T00:00:00Z', ...AT],
    [base, base, '--scenario', file, '--snapshot', file],
    [base, base, '--server', 'nothing'],
  ])
    t.match(await run('diff', ...args), { exit: 2, out: '' }, args.join(' '))
  t.match(await run('diff', base, base, '--scenario', join(base, 'all.yaml')), {
    exit: 3,
    err: /all\.yaml:\d+:\d+: RM/,
  })
  t.match(await run('diff', base, base, '--snapshot', file), { exit: 3, err: /is no snapshot that can be read/ })
  t.match(await run('diff', base, base, '--data', base), { exit: 3, err: /There is no journal/ })
  t.match(await run('diff', base, base, '--server', 'http://127.0.0.1:1'), { exit: 3, err: /no controller answers/ })
})

test('with a scenario, the change comes in the middle of it; the same input gives the same bytes', async (t) => {
  const { base, head, scenario: file } = folders(t, RECOLLECTED)
  const svg = join(base, '../out.svg')
  const args = ['diff', base, head, '--scenario', file, '--from', '2026-01-12T00:00:00Z', ...AT]
  for (const format of ['text', 'json', 'markdown']) {
    const first = await run(...args, '--format', format, '--svg', svg)
    t.equal(first.exit, 1)
    const drawn = readFileSync(svg, 'utf8')
    t.same(await run(...args, '--format', format, '--svg', svg), first)
    t.equal(readFileSync(svg, 'utf8'), drawn)
  }
  const { out } = await run(...args)
  t.match(out, /pilot: 8 → 0 devices/)
  t.match(out, /- monthly-20260113 +pilot +3 +8 +−24/, 'who is not in the collection is offered nothing')
  t.match(out, /Next rollout|Rule monthly, phase pilot: no device is left in it/)
})

test('another feed under the same name is said, and so is one that cannot be read', async (t) => {
  const { base, head } = folders(t, DECLARATIONS)
  t.match(await run('diff', base, head, ...AT), { exit: 0, out: /No effect/ })
  writeFileSync(join(head, 'catalog.ndjson'), CATALOG.split('\n').slice(1).join('\n'))
  t.match(await run('diff', base, head, ...AT), {
    exit: 0,
    out: /feed of UpdateSource example is another one in .*base/,
  })
  rmSync(join(base, 'catalog.ndjson'))
  t.match(await run('diff', base, base, ...AT), { exit: 0, out: /without the updates of UpdateSource example: / })
})

test('two commits of a repository, a commit and the work tree, and a folder in it', async (t) => {
  const { folder, commit, git } = newRepository(t)
  commit({ ...FILES, 'elsewhere/broken.yaml': 'apiVersion: ringmaster.dev/v1alpha1\nkind: Nonsense\n' })
  git('switch', '--quiet', '--create', 'change')
  const change = commit({ 'site/all.yaml': NARROWED })
  git('switch', '--quiet', 'main')
  await within(folder, async () => {
    const path = ['--path', 'site', ...AT]
    const between = await run('diff', '--base', 'main', '--head', 'change', ...path)
    t.match(between, { exit: 1, out: /3 updates no longer selected\./ })
    t.match(between.out, `head   change (change@sha1:${change.slice(0, 12)})`)
    t.match(await run('diff', '--base', 'main', ...path), { exit: 0, out: /head {3}work tree/ })
    writeFileSync(join(folder, 'site/all.yaml'), NARROWED)
    t.match(await run('diff', '--base', 'main', ...path), { exit: 1 }, 'what is not committed yet')
    t.match(await run('diff', '--base', 'change', ...path), { exit: 0 })
    t.match(await run('diff', '--base', 'main', '--head', 'nobody', ...path), {
      exit: 3,
      err: /nobody cannot be read: it names no branch, tag or commit/,
    })
    t.match(
      await run('diff', '--base', 'main', ...AT),
      { exit: 3, err: /Nonsense/ },
      'without --path all of it is read',
    )
  })
  await within(join(folder, 'site'), async () => {
    t.match(await run('diff', '--base', 'main', '--head', 'change', '--path', 'site', ...AT), { exit: 1 }, 'from below')
  })
  await within(temporary(t), async () => {
    t.match(await run('diff', '--base', 'main'), { exit: 3, err: /is in no git repository/ })
  })
})

type Site = { readonly started: Started; readonly folder: string; readonly data: string; readonly token: string }

async function site(t: Test): Promise<Site> {
  const dir = temporary(t, 'ringmaster-site-')
  const [folder, data] = [join(dir, 'site'), join(dir, 'data')]
  mkdirSync(folder)
  writeFileSync(join(folder, 'all.yaml'), DECLARATIONS)
  writeFileSync(join(folder, 'catalog.ndjson'), CATALOG)
  const started = await startController({ path: folder, data, listen: { host: '127.0.0.1', port: 0 } })
  t.teardown(started.close)
  const { controller, url, secrets } = started
  for (const [device, ring] of [
    ['pilot-1', 'pilot'],
    ['pilot-2', 'pilot'],
    ['beta-1', 'beta'],
  ] as const)
    await enrolWith(url, secrets.enrolmentKey, device, { ring, timeZone: 'Europe/Berlin' })
  await until(() => controller.state.feeds.get('example')?.syncedAt !== undefined)
  await controller.settled()
  return { started, folder, data, token: secrets.adminTokenFile }
}

test('a running controller is the world, and stays as it is', async (t) => {
  const { started, folder, token } = await site(t)
  const { head } = folders(t, RECOLLECTED)
  const before = started.controller.journal.lastSeq
  const world = ['--server', started.url, '--token-file', token]
  const text = await run('diff', folder, head, ...world)
  t.match(text, { exit: 1, err: '' })
  t.match(text.out, `world  controller ${started.url}: 3 devices`)
  t.match(text.out, /pilot: 2 → 1 devices\n {4}\+ beta-1: query 1 holds: ring In \(beta\): ring is "beta"/)
  t.notMatch(text.out, /What runs there is not the base/, 'paths of feeds are no difference')
  const json = await run('diff', folder, head, ...world, '--format', 'json')
  t.match(JSON.parse(json.out), {
    kind: 'Effect',
    world: { type: 'Controller', devices: 3, driftTotal: 0 },
    touched: { collections: 3 },
  })
  t.ok((await run('diff', folder, head, ...world, '--format', 'markdown')).out.startsWith(MARKER))
  t.match(await run('diff', folder, folder, ...world), { exit: 0 })
  const drifted = await run('diff', head, folder, ...world)
  t.match(drifted.out, /! What runs there is not the base: 1 object differs \(Collection\/pilot\)/)
  t.equal(started.controller.journal.lastSeq, before, 'nothing was journaled')
})

test('a snapshot is for the admin alone, holds no secret, and is the same world elsewhere', async (t) => {
  const { started, folder, data, token } = await site(t)
  const { head } = folders(t, RECOLLECTED)
  const file = join(data, '../site.state')
  const wrong = join(data, '../wrong.token')
  writeFileSync(wrong, 'a-token-that-nobody-knows')
  t.match(await run('snapshot', '-o', file, '--server', started.url, '--token-file', wrong), { exit: 3, err: /401/ })
  t.equal((await fetch(`${started.url}/v1/snapshot`)).status, 401, 'also from this machine')
  const taken = await run('snapshot', '-o', file, '--server', started.url, '--token-file', token)
  t.match(taken, {
    exit: 0,
    err: '',
    out: /site\.state: the state at .*, 3 devices, \d+ updates, 0 rollouts, \d+ bytes\nrevision: directory sha256:/,
  })
  t.equal(statSync(file).mode & 0o777, 0o600)
  const { access } = started.controller.state
  const bytes = zstdDecompressSync(readFileSync(file))
  const tokens = [0, 1, 2].map((row) => tokenHashOf(access.tokens, row) ?? 'none')
  t.notOk(tokens.includes('none'))
  for (const secret of [...tokens, ...access.keys.keys()]) {
    t.notOk(bytes.includes(secret))
    t.notOk(bytes.includes(Buffer.from(secret, 'hex')))
  }
  const live = await run('diff', folder, head, '--server', started.url, '--token-file', token, ...AT)
  const filed = await run('diff', folder, head, '--snapshot', file, ...AT)
  const same = (text: string) => text.replace(/^ {2}(world|at) .*$/gm, '')
  t.equal(same(filed.out), same(live.out))
  t.same(await run('diff', folder, head, '--snapshot', file), await run('diff', folder, head, '--snapshot', file))
})

test('declarations may refer to what another source declares in that world', async (t) => {
  const dir = temporary(t)
  const rule = DECLARATIONS.split('\n---\n').at(-1) ?? ''
  writeFileSync(join(dir, 'rule.yaml'), rule)
  t.match(await run('diff', dir, dir, ...AT), { exit: 3, err: /pilot/ })
  const story = newStory('2026-01-14T00:00:00Z')
  const origin = { source: 'git/other', revision: 'r', file: 'pilot.yaml', line: 1 }
  const pilot = { ...ring('pilot'), origin }
  tell(story, { type: 'ObjectsDeclared', source: 'git/other', revision: 'r', put: [pilot], removed: [] })
  const about = { takenAt: story.now, version: '0.0.0', seq: 1 }
  writeFileSync(join(dir, 'site.state'), zstdCompressSync(encodeExport(story.state, about)))
  const world = ['--snapshot', join(dir, 'site.state')]
  t.match(await run('diff', dir, dir, ...world), { exit: 0, out: /^No effect/ })
  t.match(await run('preview', 'monthly', dir, ...world), { out: /pilot: 0 devices of pilot/ })
})

test('a data folder can be read while its controller runs, and after', async (t) => {
  const { started, data } = await site(t)
  const file = join(data, '../folder.state')
  const running = await run('snapshot', '-o', file, '--data', data, '--format', 'json')
  t.match(JSON.parse(running.out), { devices: 3, seq: started.controller.journal.lastSeq })
  await enrolWith(started.url, started.secrets.enrolmentKey, 'late', {})
  await started.close()
  t.match(JSON.parse((await run('snapshot', '-o', file, '--data', data, '--format', 'json')).out), { devices: 4 })
  t.match(await run('preview', 'monthly', '--data', data), { out: /^monthly selects/ })
})

test('snapshot says what is wrong with how it is called', async (t) => {
  const file = join(temporary(t), 'x.state')
  for (const args of [[], ['-o', file, 'more'], ['-o', file, '--data', '.', '--server', 'http://127.0.0.1:1']])
    t.match(await run('snapshot', ...args), { exit: 2 })
  t.match(await run('snapshot', '-o', file, '--server', 'http://127.0.0.1:1'), {
    exit: 3,
    err: /no controller answers/,
  })
  t.match(await run('snapshot', '-o', join(file, 'in/nowhere'), '--data', '.'), { exit: 3 })
})

test('preview: exit 0 when something can go out, 1 when not or for an unknown rule, 2 and 3 as ever', async (t) => {
  const { base, scenario: file } = folders(t, NARROWED)
  const good = await run('preview', 'monthly', base, '--scenario', file, ...AT)
  t.match(good, { exit: 0, err: '', out: /^monthly selects 3 updates of at most 1,000/ })
  t.match(good.out, /classifications: \d+ updates?/)
  const json = await run('preview', 'monthly', base, '--scenario', file, ...AT, '--format', 'json', '--limit', '1')
  t.match(JSON.parse(json.out), {
    selected: { total: 3, shown: [{ released: '2026-01-13T17:00:00Z' }] },
    phases: [{ devices: 8 }, { devices: 20 }],
  })
  t.match(await run('preview', 'monthly', base, '--at', '2025-06-01T00:00:00Z'), { exit: 1, out: /selects 0 updates/ })
  t.match(await run('preview', 'montly', base, ...AT), { exit: 1, out: '', err: /did you mean monthly\?/ })
  t.match(await run('preview', 'monthly'), { exit: 2 })
  t.match(await run('preview'), { exit: 2 })
  t.match(await run('preview', 'monthly', base, '--limit', '0'), { exit: 2 })
  t.match(await run('preview', 'monthly', join(base, 'nowhere')), { exit: 3 })
})

test('simulate --compare tells two stories as one, from a directory and from a commit', async (t) => {
  const { base, head, scenario: file } = folders(t, DECLARATIONS.replace('deadlineAfter: P1D', 'deadlineAfter: P2D'))
  const times = ['--scenario', file, '--from', '2026-01-12T00:00:00Z', '--until', '2026-01-20T00:00:00Z']
  const both = await run('simulate', head, '--compare', base, ...times)
  t.match(both, { exit: 0, err: '' })
  t.match(both.out, /^ {2}2026-01-13 18:00:00 {2}Rule monthly evaluated/m)
  t.match(
    both.out,
    /^- 2026-01-13 18:00:00 .*deadline 2026-01-14T18:00:00Z.*\n\+ 2026-01-13 18:00:00 .*deadline 2026-01-15T18:00:00Z/m,
  )
  t.match(
    both.out,
    /What differs\n[\s\S]*~ monthly-20260113 +pilot +deadline +Wed 14 Jan 18:00 +Thu 15 Jan 18:00 +1 d later/,
  )
  t.match(await run('simulate', base, '--compare', base, ...times), { exit: 0, out: /\nNothing differs\.\n$/ })
  const lines = (await run('simulate', head, '--compare', base, ...times, '--format', 'ndjson')).out
    .trimEnd()
    .split('\n')
  const sides = Map.groupBy(lines, (line) => String(JSON.parse(line).side))
  t.same([...sides.keys()].sort(), ['base', 'both', 'head'])
  const alone = (await run('simulate', base, ...times, '--format', 'ndjson')).out.trimEnd().split('\n')
  t.equal((sides.get('base')?.length ?? 0) + (sides.get('both')?.length ?? 0), alone.length)
  const { folder, commit } = newRepository(t)
  commit(FILES)
  writeFileSync(join(folder, 'site/all.yaml'), readFileSync(join(head, 'all.yaml')))
  const fromGit = await run('simulate', join(folder, 'site'), '--compare', 'HEAD', ...times)
  t.equal(fromGit.out.split('What differs')[1], both.out.split('What differs')[1])
  t.match(await run('simulate', base, '--compare', 'nobody', ...times), { exit: 3 })
  writeFileSync(join(base, 'all.yaml'), 'kind: [')
  t.match(await run('simulate', head, '--compare', base, ...times), { exit: 1, err: /all\.yaml:1:/ })
})
