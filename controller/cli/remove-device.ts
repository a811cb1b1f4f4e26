// `ringmaster remove-device DEVICE`: takes a device out of the fleet.
import { orderCommand, pathOf } from './client.ts'

export const removeDeviceCommand = orderCommand({
  name: 'remove-device',
  positionals: ['DEVICE'],
  about: `Takes a device out of the fleet. Its token is void, it is offered nothing, and no gate counts it any more. It can enrol
again with an enrolment key.`,
  request: ([device = ''], body) => ({ method: 'DELETE', path: pathOf(['devices', device]), body }),
})
