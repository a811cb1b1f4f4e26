// Certificates for the admission webhook: an authority of our own, and a serving certificate signed by it. The one importer of
// @peculiar/x509.
import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** PEM. `authorities`: the newest first; an older one stays until it has run out, for servers that have not changed yet. */
export type Certificates = {
  readonly authorities: string
  readonly authorityKey: string
  readonly certificate: string
  readonly key: string
}

export const AUTHORITY_MS = 365 * 24 * 3_600_000
export const SERVING_MS = 90 * 24 * 3_600_000
/** Made anew when so much of its time is left. */
const RENEW_AT = 1 / 3

export type Needs = 'Nothing' | 'Serving' | 'All'

/** What has to be made anew. What cannot be read is. `now`: epoch ms. */
export function certificateNeeds(known: Certificates | undefined, names: readonly string[], now: number): Needs {
  try {
    if (known === undefined) return 'All'
    const [newest = ''] = splitPem(known.authorities)
    const authority = new X509Certificate(newest)
    if (isOld(authority, AUTHORITY_MS, now) || known.authorityKey === '') return 'All'
    const serving = new X509Certificate(known.certificate)
    const carried = serving.getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? []
    const named = names.every((name) => carried.some(({ value }) => value === name))
    const signed = serving.issuer === authority.subject && known.key !== ''
    return isOld(serving, SERVING_MS, now) || !named || !signed ? 'Serving' : 'Nothing'
  } catch {
    return 'All'
  }
}

/** With what is needed made anew, and the rest as it was. */
export async function renewed(
  known: Certificates | undefined,
  needs: Needs,
  names: readonly string[],
  now: number,
): Promise<Certificates> {
  if (needs === 'Nothing' && known !== undefined) return known
  const made = needs === 'All' || known === undefined ? await newAuthority(now) : undefined
  const old = known === undefined ? [] : splitPem(known.authorities).filter((pem) => isGood(pem, now))
  const authorities = made === undefined ? old : [made.certificate, ...old].slice(0, MOST_AUTHORITIES)
  const authorityKey = made?.key ?? known?.authorityKey ?? ''
  const [newest = ''] = authorities
  const serving = await newServing(newest, authorityKey, names, now)
  return { authorities: authorities.map((pem) => pem.trim()).join('\n'), authorityKey, ...serving }
}

const MOST_AUTHORITIES = 3
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** Clocks of API server and controller may differ. */
const EARLIER_MS = 3_600_000

type Made = { readonly certificate: string; readonly key: string }

async function newAuthority(now: number): Promise<Made> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const serialNumber = serial()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber,
    // Two authorities in one bundle are told apart by their names.
    name: `CN=ringmaster webhook authority ${serialNumber.slice(0, 8)}`,
    notBefore: new Date(now - EARLIER_MS),
    notAfter: new Date(now + AUTHORITY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  return { certificate: certificate.toString('pem'), key: await privatePem(keys.privateKey) }
}

async function newServing(
  authority: string,
  authorityKey: string,
  names: readonly string[],
  now: number,
): Promise<Made> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=${names[0]?.slice(0, 64) ?? 'ringmaster'}`,
    issuer: new X509Certificate(authority).subject,
    notBefore: new Date(now - EARLIER_MS),
    notAfter: new Date(now + SERVING_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await privateKey(authorityKey),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
    ],
  })
  return { certificate: certificate.toString('pem'), key: await privatePem(keys.privateKey) }
}

function isOld({ notAfter }: X509Certificate, lifeMs: number, now: number): boolean {
  return notAfter.getTime() - now < lifeMs * RENEW_AT
}

function isGood(pem: string, now: number): boolean {
  return new X509Certificate(pem).notAfter.getTime() > now
}

function splitPem(bundle: string): string[] {
  return [...bundle.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)].map(([pem]) => pem)
}

function serial(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16)))
    .toString('hex')
    .replace(/^[89a-f]/, '4')
}

async function privatePem(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

async function privateKey(pem: string): Promise<CryptoKey> {
  const [der] = PemConverter.decode(pem)
  if (der === undefined) throw new Error('the key of the authority is no PEM')
  return crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}
