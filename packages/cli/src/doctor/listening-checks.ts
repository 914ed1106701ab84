import { lstat } from "node:fs/promises";
import { createServer } from "node:net";
import { controlPath } from "@umbel/provider";
import { endpointPlace } from "../provider/endpoint-choice.js";
import { type Finding, fail, pass } from "./finding.js";
import type { Patient } from "./patient.js";

/** Where the provider listens: for its owner's commands, and for this machine's own programs. */
export async function listeningChecks(patient: Patient): Promise<Finding[]> {
  return [await control(patient), ...(await endpoint(patient))];
}

/** A dead provider's socket is taken over; what is no socket, or somebody else's, stands in the way of every start. */
async function control({ places }: Patient): Promise<Finding> {
  const address = controlPath(places.home);
  const found = process.platform === "win32" ? undefined : await lstat(address).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) {
    return fail("control", `${address} is no socket, so that no provider can listen there.`, "Move it away: a provider makes its own.");
  }
  if (found !== undefined && found.uid !== process.getuid?.()) {
    const fix = "Run as the user whose provider this is, or have it remove the file when that provider has stopped.";
    return fail("control", `${address} belongs to another user, whose provider runs on this home or has left it behind.`, fix);
  }
  return pass("control", "Nothing stands where the provider listens for commands");
}

async function endpoint({ settings, status }: Patient): Promise<Finding[]> {
  const address = settings.values.localEndpoint;
  if (address === undefined) return [];
  const { host = "127.0.0.1", port = 8_000 } = endpointPlace(address);
  const words = `The endpoint for this machine's own programs, ${host}:${port},`;
  if (status !== undefined && !(status instanceof Error) && status.endpoint !== null) return [pass("endpoint", `${words} is open`)];
  const code = await whyNotListening(host, port);
  if (code === undefined) return [pass("endpoint", `${words} can be opened`)];
  if (code === "EADDRINUSE") {
    const fix = "Choose another port with local.endpoint, or stop the program that listens there.";
    return [fail("endpoint", `${words} cannot be opened: another program listens there.`, fix)];
  }
  const why = code === "EADDRNOTAVAIL" ? "this machine has no such address" : `the system says ${code}`;
  return [fail("endpoint", `${words} cannot be opened: ${why}.`, "Correct local.endpoint.")];
}

/** Listens for a moment. @returns the system's word; undefined where it listened */
function whyNotListening(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
