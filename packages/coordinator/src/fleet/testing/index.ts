export { Inbox } from "./inbox.js";
export { ProviderClient, type ProviderClientOptions, TEST_BUILD, testModel, testSlot } from "./provider-client.js";
export { ServedRequest } from "./served-request.js";
export {
  attemptUnderWay,
  createMemoryMachines,
  readAll,
  reserved,
  sealedRequest,
  sendText,
  startTestFleet,
  type TestFleet,
  type TestFleetOptions,
  testSpec,
} from "./test-fleet.js";
