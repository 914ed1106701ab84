/** What only Node has: the machine's clock and its own cryptography. */
export { nativeCrypto } from "./native-crypto.js";
export { systemClock } from "./system-clock.js";
