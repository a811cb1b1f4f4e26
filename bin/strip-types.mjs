// Node.js strips the types of TypeScript files everywhere but below node_modules. That is where Ringmaster is when it is
// installed as a dependency, so its own files are stripped here.
import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'

const CONTROLLER = new URL('../controller/', import.meta.url).href

registerHooks({
  load(url, context, next) {
    const { href, pathname } = new URL(url)
    if (!href.startsWith(CONTROLLER) || !pathname.endsWith('.ts')) return next(url, context)
    const source = stripTypeScriptTypes(readFileSync(new URL(pathname, 'file:'), 'utf8'))
    return { format: 'module', source, shortCircuit: true }
  },
})
