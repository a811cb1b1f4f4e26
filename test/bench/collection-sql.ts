// Collections of the benchmarks, and the same questions in SQL.
import type { CollectionSpec, Expression } from '../../controller/model/collection.ts'

/** Three conditions each; of ten collections one is referred to by some of the others. */
export function threeConditions(n: number): CollectionSpec {
  const base = `c${n - (n % 10)}`
  const third = [
    { key: 'ring', operator: 'Lt' as const, value: n % 100 },
    { key: 'ram', operator: 'Gt' as const, value: 2 ** (n % 7) },
  ][n % 2]
  const second: Expression[] = [
    { key: 'site', operator: 'In', values: [0, 1, 2].map((i) => `site-${(n * 3 + i) % 200}`) },
    { key: 'build', operator: 'VersionGte', value: `10.0.${26100 + (n % 40)}` },
    { key: 'model', operator: 'In', values: [`model-${n % 50}`, `model-${(n + 7) % 50}`] },
  ]
  return {
    queries: [
      {
        matchLabels: { os: n % 3 === 0 ? 'server' : 'client' },
        matchExpressions: [second[n % 3], third].filter((part) => part !== undefined),
      },
    ],
    ...(n % 10 === 3 && { include: [base] }),
    ...(n % 10 === 5 && { exclude: [base] }),
    ...(n % 10 === 7 && { limitedTo: base }),
  }
}

// What a database stores is as good for it as it can be: numbers where there are numbers, and texts as they are.
export const COLUMNS = 'os VARCHAR, build INTEGER, site VARCHAR, ring INTEGER, model VARCHAR, ram INTEGER'

export function valuesOf(attributes: Readonly<Record<string, string>>): (string | number)[] {
  const { os = '', build = '', site = '', ring, model = '', ram } = attributes
  return [os, Number(build.split('.')[2]), site, Number(ring), model, Number(ram)]
}

/** References to other collections are put in place of their names. */
export function conditionSql(specs: ReadonlyMap<string, CollectionSpec>, name: string): string {
  const { queries = [], include = [], exclude = [], limitedTo } = specs.get(name) ?? {}
  const own = queries.map(({ matchLabels = {}, matchExpressions = [] }) => {
    const labels = Object.entries(matchLabels).map(([key, value]) => `${key} = '${value}'`)
    return `(${[...labels, ...matchExpressions.map(comparison)].join(' AND ')})`
  })
  const within = (other: string) => `(${conditionSql(specs, other)})`
  const chosen = `(${[...own, ...include.map(within)].join(' OR ')})`
  const limit = limitedTo === undefined ? [] : [within(limitedTo)]
  return [chosen, ...limit, ...exclude.map((other) => `NOT ${within(other)}`)].join(' AND ')
}

/** Knows the operators of the benchmarks; throws on others. */
function comparison(expression: Expression): string {
  switch (expression.operator) {
    case 'In':
      return `${expression.key} IN (${expression.values.map((value) => `'${value}'`).join()})`
    case 'Gt':
      return `${expression.key} > ${expression.value}`
    case 'Lt':
      return `${expression.key} < ${expression.value}`
    case 'VersionGte':
      return `${expression.key} >= ${expression.value.split('.')[2]}`
    default:
      throw new Error(`no SQL for ${expression.operator}`)
  }
}
