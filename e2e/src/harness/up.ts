/** The whole network in one process tree, as `umbel up` starts it: the bundled models, one account, one key. */
import { homeWithDatabase } from "./database-template.js";
import { umbel } from "./umbel.js";

export interface UpNetwork {
  /** Without the `/v1` of the API. */
  readonly origin: string;
  readonly baseURL: string;
  readonly apiKey: string;
  close(): Promise<void>;
}

export async function startUp(): Promise<UpNetwork> {
  const home = homeWithDatabase();
  const network = umbel(["up", "--json", "--port", "0", "--home", home.path]);
  const ready = await network.ready;
  const baseURL = String(ready["base_url"]);
  return {
    baseURL,
    origin: new URL(baseURL).origin,
    apiKey: String(ready["api_key"]),
    close: async () => {
      await network.stop();
      home.remove();
    },
  };
}
