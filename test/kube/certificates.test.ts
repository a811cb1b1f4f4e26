import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { test } from 'tap'
import { AUTHORITY_MS, certificateNeeds, renewed, SERVING_MS } from '../../controller/kube/serving-certificate.ts'

const NAMES = ['ringmaster-webhook.ringmaster.svc', 'localhost']
const NOW = Date.parse('2026-01-01T00:00:00Z')

test('a certificate is made, is for its names, and is signed by its authority', async (t) => {
  t.equal(certificateNeeds(undefined, NAMES, NOW), 'All')
  const made = await renewed(undefined, 'All', NAMES, NOW)
  t.equal(certificateNeeds(made, NAMES, NOW), 'Nothing')
  const serving = new X509Certificate(made.certificate)
  const authority = new X509Certificate(made.authorities)
  t.ok(serving.verify(authority.publicKey))
  t.ok(authority.ca)
  t.notOk(serving.ca)
  for (const name of NAMES) t.equal(serving.checkHost(name), name)
  t.doesNotThrow(() => createSecureContext({ cert: made.certificate, key: made.key }), 'Node takes it')
  t.equal(certificateNeeds(made, [...NAMES, 'other'], NOW), 'Serving')
})

test('when a third of its time is left it is made anew by the same authority', async (t) => {
  const made = await renewed(undefined, 'All', NAMES, NOW)
  t.equal(certificateNeeds(made, NAMES, NOW + (SERVING_MS * 2) / 3 - 1000), 'Nothing')
  const later = NOW + (SERVING_MS * 2) / 3 + 1000
  t.equal(certificateNeeds(made, NAMES, later), 'Serving')
  const next = await renewed(made, 'Serving', NAMES, later)
  t.equal(next.authorities, made.authorities)
  t.not(next.certificate, made.certificate)
  t.ok(new X509Certificate(next.certificate).verify(new X509Certificate(next.authorities).publicKey))
})

test('an authority that is replaced stays trusted until it has run out', async (t) => {
  const made = await renewed(undefined, 'All', NAMES, NOW)
  const later = NOW + (AUTHORITY_MS * 2) / 3 + 1000
  t.equal(certificateNeeds(made, NAMES, later), 'All')
  const next = await renewed(made, 'All', NAMES, later)
  t.ok(next.authorities.includes(made.authorities.trim()))
  t.equal(next.authorities.match(/BEGIN/g)?.length, 2)
  const end = NOW + AUTHORITY_MS + 1000
  const last = await renewed(next, 'All', NAMES, end)
  t.notOk(last.authorities.includes(made.authorities.trim()))
})

test('what cannot be read is made anew', async (t) => {
  const made = await renewed(undefined, 'All', NAMES, NOW)
  for (const broken of [{ authorities: 'x' }, { certificate: '' }, { authorityKey: '' }])
    t.equal(certificateNeeds({ ...made, ...broken }, NAMES, NOW), 'All')
  const other = await renewed(undefined, 'All', NAMES, NOW)
  t.equal(certificateNeeds({ ...made, certificate: other.certificate }, NAMES, NOW), 'Serving')
})
