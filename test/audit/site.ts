// A whole controller on folders of its own and a clock that stands still until it is moved: declarations are files, devices
// speak HTTP, and answers are read as anyone reads them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Command } from '../../controller/cli/command.ts'
import { type Started, startController } from '../../controller/cli/start-controller.ts'
import type { Policy, PolicyUpdate } from '../../controller/project/policy.ts'
import { quiet, type VirtualClock, virtualClock } from '../runtime/virtual-clock.ts'
import { enrolWith, get, post, until } from '../serve/harness.ts'

/** Objects as one writes them: kind, name, and spec as YAML in flow style. */
export type Written = readonly [kind: string, name: string, spec: string]

export type Site = {
  readonly clock: VirtualClock
  readonly url: () => string
  readonly folder: string
  readonly enrolmentKey: () => string
  /** Replaces the declarations, and waits until they are in force or refused. */
  readonly declare: (...objects: readonly Written[]) => Promise<void>
  /** Writes the catalog, has it read again, and waits until it is. */
  readonly catalog: (...updates: readonly object[]) => Promise<void>
  readonly enrol: (device: string, attributes?: Record<string, string>) => Promise<void>
  readonly say: (device: string, report: object) => Promise<unknown>
  readonly moveTo: (at: string) => Promise<void>
  readonly policy: (device: string) => Promise<Policy>
  readonly explain: (device: string, update: string) => Promise<Explained>
  readonly run: (command: Command, ...args: string[]) => Promise<{ exit: number; out: string; err: string }>
  readonly object: (kind: string, name: string) => Promise<Shown>
  readonly page: () => Promise<string>
  /** Ends the controller in good order, and starts it again on the same folders. */
  readonly restart: () => Promise<void>
}

export type Explained = {
  readonly verdict: { readonly reason: string; readonly message: string }
  readonly steps: readonly { readonly step: string; readonly reason: string; readonly message: string }[]
}
export type Shown = { readonly status: Readonly<Record<string, unknown>> }

export function written([kind, name, spec]: Written): string {
  return `apiVersion: ringmaster.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`
}

/** A security update as a line of a feed. */
export function line(id: string, over: object = {}): object {
  return {
    id,
    title: `Update ${id}`,
    vendor: 'Vendor',
    products: ['Product'],
    classification: 'Security Updates',
    released: '2026-01-01T00:00:00Z',
    maxRunTimeMinutes: 60,
    ...over,
  }
}

/** A rule that evaluates every day at noon from the day on, offers at once and is due at once. */
export function rule(name: string, rest = '', deployment = ''): Written {
  const due = deployment.includes('deadlineAfter') ? '' : 'deadlineAfter: PT0S, '
  const terms = `deployment: {${due}spread: PT0S${deployment === '' ? '' : `, ${deployment}`}}`
  const when = "evaluate: {schedule: {rrule: FREQ=DAILY, at: '12:00'}}"
  const phases = rest.includes('phases:') ? '' : ', phases: [{name: p, collection: all}]'
  return [
    'AutomaticDeploymentRule',
    name,
    `{criteria: {classifications: [Security Updates]}, ${when}, ${terms}${phases}${rest === '' ? '' : `, ${rest}`}}`,
  ]
}

export function window(name: string, at: string, duration: string, rest = ''): Written {
  const spec = `schedule: {rrule: FREQ=DAILY, at: '${at}'}, duration: ${duration}`
  return ['MaintenanceWindow', name, `{collections: [all], ${spec}${rest === '' ? '' : `, ${rest}`}}`]
}

/** `start`: what the clock says at first. */
export async function newSite(t: Test, start: string, source = ''): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'))
  const data = mkdtempSync(join(tmpdir(), 'audit-data-'))
  // A turn waits for the disk: were the clock moved on meanwhile, it would ask to be called at an instant that is over.
  const clock = virtualClock(start, async () => {
    await quiet()
    await started.controller.settled()
    await quiet()
  })
  const open = () => startController({ path: folder, data, listen: { host: '127.0.0.1', port: 0 }, clock })
  let started: Started = await open()
  t.teardown(async () => {
    await started.close()
    for (const path of [folder, data]) rmSync(path, { recursive: true, force: true })
  })
  const tokens = new Map<string, { authorization: string }>()
  const sequences = new Map<string, number>()
  const url = () => started.url
  let edits = 0

  const inForce = async (change: () => void) => {
    const before = started.controller.state.sources.get('directory')
    change()
    await until(() => started.controller.state.sources.get('directory') !== before)
    await started.controller.settled()
  }
  const read = async (path: string, headers: Record<string, string> = {}) => {
    const { status, body } = await get(url(), path, headers)
    if (status !== 200) throw new Error(`${path} was answered with ${status}: ${JSON.stringify(body)}`)
    return body
  }
  return {
    clock,
    folder,
    enrolmentKey: () => started.secrets.enrolmentKey,
    url,
    declare: (...objects) =>
      inForce(() => writeFileSync(join(folder, 'site.yaml'), objects.map(written).join('---\n') || '# nothing\n')),
    catalog: async (...updates) => {
      const text = updates.map((update) => `${JSON.stringify(update)}\n`).join('')
      writeFileSync(join(folder, 'catalog.ndjson'), text)
      const before = started.controller.state.feeds.get('feed')
      const spec = `{format: Ringmaster, path: catalog.ndjson, description: '${edits++}'${source === '' ? '' : `, ${source}`}}`
      await inForce(() => writeFileSync(join(folder, 'source.yaml'), written(['UpdateSource', 'feed', spec])))
      for (let at = clock.now(); started.controller.state.feeds.get('feed') === before; ) {
        at = at.add({ milliseconds: 1 })
        await clock.moveTo(at)
      }
      await started.controller.settled()
    },
    enrol: async (device, attributes = {}) => {
      tokens.set(device, await enrolWith(url(), started.secrets.enrolmentKey, device, attributes))
      sequences.set(device, 0)
      await started.controller.settled()
    },
    say: async (device, report) => {
      const sequence = (sequences.get(device) ?? 0) + 1
      sequences.set(device, sequence)
      const body = { reports: [{ sequence, at: clock.now().toString(), ...report }] }
      const answer = await post(url(), '/v1/reports', body, tokens.get(device))
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
      await started.controller.settled()
      return answer.body
    },
    moveTo: async (at) => {
      await clock.moveTo(at)
      await quiet()
      await started.controller.settled()
    },
    policy: async (device) => (await read('/v1/policy', tokens.get(device))) as Policy,
    explain: async (device, update) => (await read(`/v1/explain?device=${device}&update=${update}`)) as Explained,
    object: async (kind, name) => (await read(`/v1/objects/${kind}/${name}`)) as Shown,
    page: async () => String(await read('/')),
    run: async (command, ...args) => {
      let [out, err] = ['', '']
      const io = {
        stdout: (text: string) => {
          out += text
        },
        stderr: (text: string) => {
          err += text
        },
      }
      return {
        exit: await command.run([...args, '--server', url(), '--token-file', join(data, 'admin.token')], io),
        out,
        err,
      }
    },
    restart: async () => {
      await started.close()
      started = await open()
    },
  }
}

export async function ids(site: Site, device: string): Promise<string[]> {
  return (await site.policy(device)).updates.map(({ id }) => id)
}

export async function offered(site: Site, device: string, update: string): Promise<PolicyUpdate> {
  const { updates } = await site.policy(device)
  const found = updates.find(({ id }) => id === update)
  if (found === undefined) throw new Error(`${device} is not offered ${update} but ${updates.map(({ id }) => id)}`)
  return found
}

/** "06:00–06:55, …": times of day in UTC. */
export function hours(intervals: readonly { readonly from: string; readonly until: string }[]): string[] {
  return intervals.map(({ from, until: end }) => `${from.slice(5, 16)}/${end.slice(5, 16)}`)
}
