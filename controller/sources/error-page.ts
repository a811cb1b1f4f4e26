// What the documentation says of one error code.

export type ErrorPage = {
  readonly title: string
  /** What is wrong, why it matters and what to do. */
  readonly meaning: string
  /** YAML that has the error. */
  readonly wrong: string
  /** The same, mended. */
  readonly right: string
}

/** How bad it is: an error keeps a revision from coming into force, a warning and a note do not. */
export type Severity = 'Error' | 'Warning' | 'Note'

/** Of something that is no error, unless ringmaster.yaml makes it one. */
export type AdvicePage = ErrorPage & { readonly severity: Exclude<Severity, 'Error'> }

/** The example with the line that every object begins with. */
export const object = (rest: string) => `apiVersion: ringmaster.dev/v1alpha1\n${rest}`
