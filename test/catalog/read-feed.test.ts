// Reading feeds from files and over HTTP: packed or not, within limits, and with errors that say whether to try again.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { readFeed } from '../../controller/catalog/feeds/read-feed.ts'

test('files: one, packed, a folder or a glob, in order of name; unchanged ones are not read again', async (t) => {
  const folder = t.testdir({ feeds: { 'b.ndjson': 'bee', 'readme.md': 'no feed' } })
  writeFileSync(join(folder, 'feeds', 'a.ndjson.gz'), gzipSync('ay'))
  const files = [
    { name: 'a.ndjson.gz', text: 'ay' },
    { name: 'b.ndjson', text: 'bee' },
  ]
  t.match(await readFeed('feeds/b.ndjson', { folder }), { type: 'Read', files: [files[1]] })
  t.match(await readFeed('feeds/a.ndjson.gz', { folder }), { type: 'Read', files: [files[0]] })
  t.match(await readFeed('feeds/*.nd*', { folder }), { type: 'Read', files })
  const read = await readFeed('feeds', { folder })
  t.match(read, { type: 'Read', files })
  const validator = read.type === 'Read' ? read.validator : undefined
  t.ok(validator)
  if (validator === undefined) return
  t.same(await readFeed('feeds', { folder, validator }), { type: 'NotModified' })
  writeFileSync(join(folder, 'feeds', 'c.ndjson'), 'sea')
  t.match(await readFeed('feeds', { folder, validator }), { type: 'Read', files: [...files, { name: 'c.ndjson' }] })
})

test('files that are missing, too large or unsound are errors that a person has to mend', async (t) => {
  const folder = t.testdir({ 'large.ndjson': 'x'.repeat(1000), empty: {} })
  writeFileSync(join(folder, 'bomb.ndjson.gz'), gzipSync('x'.repeat(100_000)))
  writeFileSync(join(folder, 'cut.ndjson.gz'), gzipSync('some text').subarray(0, 15))
  const code = async (location: string) => {
    const read = await readFeed(location, { folder, maxBytes: 900 })
    return read.type === 'Failed' ? `${read.error.type} ${read.error.code}` : read.type
  }
  t.equal(await code('none.ndjson'), 'Invalid FeedNotFound')
  t.equal(await code('none*.ndjson'), 'Invalid FeedNotFound')
  t.equal(await code('empty'), 'Invalid FeedNotFound')
  t.equal(await code('large.ndjson'), 'Invalid FeedTooLarge')
  t.equal(await code('bomb.ndjson.gz'), 'Invalid FeedTooLarge')
  t.equal(await code('cut.ndjson.gz'), 'Invalid FeedUnreadable')
  mkdirSync(join(folder, 'many'))
  for (const name of ['a', 'b']) writeFileSync(join(folder, 'many', `${name}.ndjson`), 'x'.repeat(600))
  t.equal(await code('many'), 'Invalid FeedTooLarge', 'the limit is for all files together')
  t.equal(await code('/dev/null'), 'Invalid FeedUnreadable', 'what is no file could go on for ever')
})

test('over HTTP: packed or not, with the ETag of the last read', async (t) => {
  const asked: (string | undefined)[] = []
  const url = await serve(t, (request, response) => {
    asked.push(request.headers['if-none-match'])
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else if (request.url === '/encoded')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('encoded'))
    else response.writeHead(200, { etag: '"1"' }).end(gzipSync('packed'))
  })
  const first = await readFeed(`${url}/feed.ndjson.gz`, { folder: '.' })
  t.same(first, { type: 'Read', files: [{ name: 'feed.ndjson.gz', text: 'packed' }], validator: '"1"' })
  t.same(await readFeed(`${url}/feed.ndjson.gz`, { folder: '.', validator: '"1"' }), { type: 'NotModified' })
  t.match(await readFeed(`${url}/encoded`, { folder: '.' }), {
    type: 'Read',
    files: [{ name: 'encoded', text: 'encoded' }],
  })
  t.same(asked, [undefined, '"1"', undefined])
})

test('over HTTP: what may pass is transient, what a person has to change is invalid, and no answer is without limit', async (t) => {
  const url = await serve(t, (request, response) => {
    const path = request.url ?? ''
    if (path === '/hang') return
    if (path === '/cut') {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('some', () => response.destroy())
    } else if (path === '/endless') {
      response.writeHead(200)
      const pump = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      }
      response.on('drain', pump)
      pump()
    } else if (path === '/bomb') response.end(gzipSync('x'.repeat(100_000)))
    else response.writeHead(Number(path.slice(1))).end('no')
  })
  const code = async (location: string) => {
    const read = await readFeed(location, { folder: '.', maxBytes: 50_000, timeoutMs: 500 })
    return read.type === 'Failed' ? `${read.error.type} ${read.error.code}` : read.type
  }
  t.equal(await code(`${url}/503`), 'Transient FeedUnavailable')
  t.equal(await code(`${url}/429`), 'Transient FeedUnavailable')
  t.equal(await code(`${url}/404`), 'Invalid FeedRefused')
  t.equal(await code(`${url}/304`), 'Invalid FeedRefused', 'nothing has been read that could be unchanged')
  t.equal(await code(`${url}/hang`), 'Transient FeedUnavailable')
  t.equal(await code(`${url}/cut`), 'Transient FeedUnavailable')
  t.equal(await code(`${url}/endless`), 'Invalid FeedTooLarge')
  t.equal(await code(`${url}/bomb`), 'Invalid FeedTooLarge')
  t.equal(await code('http://'), 'Invalid FeedNotFound')
  const refused = await readFeed(url.replace('http://', 'http://name:secret@'), { folder: '.' })
  t.match(refused, { type: 'Failed', error: { type: 'Invalid' } })
  t.notMatch(JSON.stringify(refused), 'secret', 'an error never shows a password')
})

async function serve(t: { teardown: (close: () => void) => void }, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}
