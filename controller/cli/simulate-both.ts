// `ringmaster simulate --compare`: two simulations under the same scenario and seed, told as one story.
import type { Timeline } from '../preview/effect.ts'
import { mergedStory, type Told } from '../preview/merged-story.ts'
import { changesText } from '../preview/text.ts'
import { type Recorded, timelineChanges, timelineOf } from '../preview/timeline.ts'
import { type SimulationInput, simulate } from '../simulate/simulation.ts'
import { type DecisionLine, decisionLine, storyLine, tellDecision, tellInput } from '../simulate/story.ts'
import type { Io } from './command.ts'

const MARKS = { base: '-', head: '+', both: ' ' } as const

export function tellBoth(base: SimulationInput, head: SimulationInput, format: 'text' | 'ndjson', io: Io): void {
  if (format === 'ndjson') {
    const [was, is] = [decisionsOf(base), decisionsOf(head)]
    for (const { side, told } of mergedStory(was, is)) io.stdout(`${JSON.stringify({ side, ...told.what })}\n`)
    return
  }
  const [was, is] = [storyOf(base), storyOf(head)]
  for (const { side, told } of mergedStory(was.story, is.story))
    io.stdout(`${MARKS[side]} ${storyLine(told.at, told.what)}`)
  io.stdout(`\n${changesText(timelineChanges(was.timeline, is.timeline), head.from)}`)
}

function decisionsOf(input: SimulationInput): Told<DecisionLine>[] {
  const told: Told<DecisionLine>[] = []
  simulate(input, {
    withoutProgress: true,
    onDecision: (state, at, decision) => {
      const what = decisionLine(state, at, decision)
      told.push({ at, key: keyOf(JSON.stringify(what)), what })
    },
  })
  return told
}

function storyOf(input: SimulationInput): { story: Told<string>[]; timeline: Timeline } {
  const story: Told<string>[] = []
  const recorded: Recorded[] = []
  const put = (at: number, what: string) => story.push({ at, key: keyOf(what), what })
  const end = simulate(input, {
    withoutProgress: true,
    onDecision: (_state, at, decision) => {
      recorded.push({ at, decision })
      put(at, tellDecision(decision))
    },
    onInput: (state, at, said) => {
      const text = tellInput(state, said)
      if (text !== undefined) put(at, text)
    },
  })
  return { story, timeline: timelineOf(end.state, end.notes, recorded, input.from) }
}

// Which revision an approval came from is another on each side by necessity.
function keyOf(text: string): string {
  return text.replace(/revision \S+/g, 'revision')
}
