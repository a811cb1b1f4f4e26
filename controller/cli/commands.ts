// The commands, and what each is for. Help lists them in this order, and loads none of them.

/** By name. Each stands in the file of its name, which exports `<name>Command`. */
export const COMMANDS: Readonly<Record<string, string>> = {
  quickstart: 'Run the controller on the example company, with a thousand simulated devices on a fast clock.',
  run: 'Run the controller on declarations in a directory, a Git repository, or a Kubernetes cluster.',
  init: 'Write a starter repository: rules, windows, a catalog, policy tests and CI.',
  validate: 'Check declarations, and list every error with its place.',
  test: 'Play policy tests: what declarations do, to which devices, and when.',
  fmt: 'Write declarations and tests in their canonical form.',
  simulate: 'Play declarations through on simulated devices, and see what happens, when and why.',
  snapshot: 'Write the state of a controller to a file, for `diff` and `preview` elsewhere.',
  diff: 'Say what a change of the declarations does: which updates, on which devices, when.',
  preview: 'List the updates that a rule selects now, and the criterion that keeps out each near miss.',
  get: 'List objects: rollouts, rules, collections, windows, devices, updates, decisions, …',
  describe: 'Show one object at length: conditions, phases with their gates, the last decisions.',
  explain: 'Say why a device gets an update or does not, step by step; or what a code or a reason means.',
  evaluate: 'Evaluate a rule now, whatever its schedule says.',
  approve: 'Let a phase start that waits for a go-ahead.',
  pause: 'Stop a rollout: what is running finishes, nothing more starts.',
  resume: 'Go on with a rollout that was paused, or halted by a gate.',
  rollback: 'End a rollout and take back all its approvals.',
  'enrol-key': 'Make a key with which devices enrol.',
  'remove-device': 'Take a device out of the fleet: its token is void, and no gate counts it.',
  kubectl: 'As kubectl plugin: approve, pause, resume, rollback, evaluate on a cluster.',
  bench: 'Put a load of simulated devices on a running controller, and measure its answers.',
  generate: 'Write schemas, CRDs and reference pages from the definitions of the kinds.',
}
