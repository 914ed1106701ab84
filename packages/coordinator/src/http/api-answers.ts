import { balanceObject } from "./account-routes.js";
import { floorObject } from "./admin/version-floor.js";
import {
  creditAnswer,
  feeAnswer,
  mergeAnswer,
  pricingAnswer,
  rewardAnswer,
  roleAnswer,
  userLedger,
  userTable,
  userUpdated,
} from "./administration/index.js";
import { machineEarnings } from "./books/earning-routes.js";
import { moneyHealth } from "./books/health-route.js";
import { usageList, usageSummary } from "./books/usage-routes.js";
import { decisionList, operatorDecision, ownDecision } from "./decisions/decision-schema.js";
import { tokenObject } from "./devices/device-schema.js";
import { issuedKey, keyList, publicKeyObject } from "./keys/key-schema.js";
import { machineList, machineWhy } from "./machines/machine-routes.js";
import {
  aliasAnswer,
  aliasDeleted,
  aliasTable,
  auditTable,
  modelTable,
  updated,
  versionChange,
  versionTable,
} from "./models/admin/schema.js";
import { inviteEnded, inviteObject, inviteTable } from "./programmes/index.js";
import { issuedPublishingKey, publishingKeyTable, revokedPublishingKey } from "./publishing/index.js";
import { hardwareCapSet } from "./rewards/reward-routes.js";
import { invitationList, issuedInvitation, revokedInvitation } from "./sign-in/index.js";
import { eventList, groupList, reportList } from "./telemetry/index.js";

/** Schemas of answers, for programs that read them: what a route writes by is what its reader reads by. */
export const API_ANSWERS = {
  operatorDecision,
  ownDecision,
  decisionList,
  machineList,
  machineWhy,
  balance: balanceObject,
  usageList,
  usageSummary,
  machineEarnings,
  providerToken: tokenObject,
  key: publicKeyObject,
  keyList,
  issuedKey,
  moneyHealth,
  modelTable,
  versionChange,
  versionTable,
  versionFloor: floorObject,
  modelUpdated: updated,
  aliasTable,
  aliasAnswer,
  aliasDeleted,
  issuedPublishingKey,
  publishingKeyTable,
  revokedPublishingKey,
  auditTable,
  creditAnswer,
  rewardAnswer,
  pricingAnswer,
  userTable,
  userLedger,
  userUpdated,
  roleAnswer,
  feeAnswer,
  mergeAnswer,
  hardwareCapSet,
  inviteObject,
  inviteTable,
  inviteEnded,
  issuedInvitation,
  invitationList,
  revokedInvitation,
  telemetryEvents: eventList,
  telemetryGroups: groupList,
  logReportList: reportList,
};
