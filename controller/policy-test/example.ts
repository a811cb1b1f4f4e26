// The example of the reference page. The tests read it.

export const POLICY_TEST_EXAMPLE = `
apiVersion: ringmaster.dev/v1alpha1
kind: PolicyTest
metadata:
  name: server-security
spec:
  declarations: [.]
  timeZone: Europe/Berlin
  catalog:
    updates:
    - {id: KB5066835, products: [Windows Server 2022], maxRunTimeMinutes: 60}
  devices:
  - {prefix: srv-, count: 20, attributes: {role: server, timeZone: Europe/Berlin}}
  tests:
  - name: an update that breaks servers does not leave the pilot
    start: 2026-10-13T17:00:00Z
    devices:
    - {prefix: srv-, fails: [KB5066835]}
    steps:
    - name: Patch Tuesday
      at: 2026-10-13T18:00:00Z
      expect:
        rules:
        - {rule: server-security, selects: [KB5066835]}
    - after: P10D
      expect:
        decisions:
        - {type: PhaseHalted, phase: pilot, reason: FailureThreshold}
        rollouts:
        - {rule: server-security, state: RolledBack}
`
