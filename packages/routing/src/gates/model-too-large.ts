import { fitsHardware } from "../admission/hardware-fit.js";
import type { Gate } from "./gate.js";

export const modelTooLarge: Gate = {
  reason: "model_too_large",
  kind: "permanent",
  words: "has too little memory ever to hold this build",
  refuses: (provider, spec) => !fitsHardware(provider, spec),
};
