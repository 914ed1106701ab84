import { EndpointError, type LocalEndpoint } from "../local/index.js";
import type { Logger } from "../session/types.js";
import type { WorkerSupervisor } from "./worker-supervisor.js";

export interface LocalDoorParts {
  /** Absent where the machine's own programs are not served. */
  readonly endpoint: LocalEndpoint | undefined;
  readonly supervisor: Pick<WorkerSupervisor, "ready" | "models">;
  /** Without a coordinator the endpoint is all that the machine serves. */
  readonly isAlone: boolean;
  readonly logger: Logger;
}

/** Opens the local endpoint. Beside a coordinator the machine earns without it too, and its owner is told. @throws EndpointError */
export async function openLocalDoor({ endpoint, isAlone, logger }: LocalDoorParts): Promise<void> {
  try {
    await endpoint?.listen();
  } catch (error) {
    if (isAlone || !(error instanceof EndpointError)) throw error;
    logger.error({ code: error.code, reason: error.message }, "the local endpoint does not listen");
  }
}

/** Says what can be asked for at the endpoint: the models of the worker. */
export async function announceModels({ endpoint, supervisor, logger }: LocalDoorParts): Promise<void> {
  if (endpoint?.isListening !== true) return;
  const offered = new Map(supervisor.ready?.models.map((info) => [info.id, info]));
  const { base_url, models } = await endpoint.announce(
    supervisor.models.flatMap((model) => {
      const info = offered.get(model.info.id);
      return info === undefined ? [] : [{ ...model, info }];
    }),
  );
  logger.info({ base_url, models }, "the local endpoint answers");
}
