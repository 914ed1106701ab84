import { decisionList, operatorDecision, ownDecision } from "./decisions/decision-schema.js";
import { machineList, machineWhy } from "./machines/machine-routes.js";

/** Schemas of answers, for programs that read them: what a route writes by is what its reader reads by. */
export const API_ANSWERS = { operatorDecision, ownDecision, decisionList, machineList, machineWhy };
