export type { MaybePromise } from "./maybe-promise.js";
export {
  type Cipher,
  type CipherName,
  CryptoError,
  type CryptoSupplier,
  type EncryptionKeyPair,
  generateKeyPair,
  importKeyPair,
} from "./supplier.js";
export { webCrypto } from "./web-crypto.js";
