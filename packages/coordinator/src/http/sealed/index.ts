export { encryptionKeyRoute } from "./encryption-key-route.js";
export { createSealing, envelope_bytes_max, isSealed, type Sealing } from "./sealing.js";
