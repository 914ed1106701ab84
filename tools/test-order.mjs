// In which order test files run: those of a project one after another, so that what they load is loaded once a worker; in a project the long
// ones first, so that at its end no worker waits for another.
import { BaseSequencer } from "vitest/node";

const PROJECTS = ["e2e", "unit", "pure", "e2e-alone"];
/** Parts of the names of files that take many times as long as the others, the longest first. Of the rest, large files are taken for long ones. */
const LONG = [
  "e2e/src/model-faults",
  "e2e/src/cold-models",
  "e2e/src/faults",
  "e2e/src/clients/exact",
  "http/fuzz",
  "simulation/regression",
  "agent/provider-agent",
  "coordinator/src/main.test",
  "fleet-index/fleet-index.test",
];

export class TestOrder extends BaseSequencer {
  async sort(files) {
    const usual = await super.sort(files);
    return usual.sort((one, other) => projectRank(one) - projectRank(other) || longRank(one) - longRank(other));
  }
}

function projectRank({ project }) {
  return PROJECTS.indexOf(project.name);
}

function longRank({ moduleId }) {
  const rank = LONG.findIndex((name) => moduleId.includes(name));
  return rank === -1 ? LONG.length : rank;
}
