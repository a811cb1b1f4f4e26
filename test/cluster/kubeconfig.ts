// Kubeconfig files.

type Access = {
  readonly server: string
  /** PEM, by which the server is known. */
  readonly certificates: Buffer
  readonly token: string
}

/** Of one cluster and one user who has a bearer token. JSON, which is YAML. */
export function kubeconfig({ server, certificates, token }: Access): string {
  const name = 'ringmaster'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': certificates.toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
  return `${JSON.stringify(config, null, 2)}\n`
}
