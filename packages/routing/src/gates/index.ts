import { breakerOpen } from "./breaker-open.js";
import { capacity } from "./capacity.js";
import { challengeStale } from "./challenge-stale.js";
import { concurrency } from "./concurrency.js";
import { contextTooSmall } from "./context-too-small.js";
import { dedicatedExcluded } from "./dedicated-excluded.js";
import { draining } from "./draining.js";
import { errorCooldown } from "./error-cooldown.js";
import { excluded } from "./excluded.js";
import type { Gate } from "./gate.js";
import { loadCooldown } from "./load-cooldown.js";
import { modelTooLarge } from "./model-too-large.js";
import { notInCatalog } from "./not-in-catalog.js";
import { notOwned } from "./not-owned.js";
import { offlineOrUntrusted } from "./offline-or-untrusted.js";
import { privacyUnsupported } from "./privacy-unsupported.js";
import { privateOnly } from "./private-only.js";
import { runtimeUnverified } from "./runtime-unverified.js";
import { serialNotAllowed } from "./serial-not-allowed.js";
import { slotUnavailable } from "./slot-unavailable.js";
import { structuredUnsupported } from "./structured-unsupported.js";
import { templateBroken } from "./template-broken.js";
import { thermalCritical } from "./thermal-critical.js";
import { toolsUnsupported } from "./tools-unsupported.js";
import { trustBelowMinimum } from "./trust-below-minimum.js";
import { ttftCeiling } from "./ttft-ceiling.js";
import { versionFloor } from "./version-floor.js";
import { visionUnsupported } from "./vision-unsupported.js";

/** Who may serve a request: every gate, in the order in which they run. The first that refuses gives the reported reason. */
export const GATES: readonly Gate[] = [
  notOwned,
  serialNotAllowed,
  excluded,
  notInCatalog,
  dedicatedExcluded,
  loadCooldown,
  errorCooldown,
  breakerOpen,
  offlineOrUntrusted,
  draining,
  privateOnly,
  trustBelowMinimum,
  runtimeUnverified,
  privacyUnsupported,
  challengeStale,
  templateBroken,
  versionFloor,
  toolsUnsupported,
  visionUnsupported,
  structuredUnsupported,
  contextTooSmall,
  slotUnavailable,
  concurrency,
  thermalCritical,
  modelTooLarge,
  capacity,
  ttftCeiling,
];
