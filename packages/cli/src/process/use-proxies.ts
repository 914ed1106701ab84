import type { ProxyVariables } from "@umbel/provider";

/** Lets everything that this process fetches go through the proxies that the usual variables name. Costs nothing where none is named. */
export async function useProxies(variables: ProxyVariables): Promise<void> {
  const isNamed = Object.entries(variables).some(([name, value]) => /^https?_proxy$/i.test(name) && value !== undefined && value !== "");
  if (!isNamed) return;
  // Both are large, and nearly nobody needs them.
  const [{ Agent, ProxyAgent, setGlobalDispatcher }, { proxyFor }] = await Promise.all([import("undici"), import("@umbel/provider")]);
  const proxies = new Map<string, InstanceType<typeof ProxyAgent>>();
  const proxyAgent = (proxy: string) => {
    const known = proxies.get(proxy) ?? new ProxyAgent(proxy);
    proxies.set(proxy, known);
    return known;
  };
  setGlobalDispatcher(
    new Agent().compose((dispatch) => (options, handler) => {
      const proxy = options.origin === undefined ? undefined : proxyFor(String(options.origin), variables);
      return proxy === undefined ? dispatch(options, handler) : proxyAgent(proxy).dispatch(options, handler);
    }),
  );
}

/** The variables, with what the settings of a provider say in their place: a service does not see those of a shell. */
export function proxyVariables(
  { proxy, noProxy }: { readonly proxy?: string | undefined; readonly noProxy?: string | undefined },
  env: ProxyVariables,
): ProxyVariables {
  return {
    ...env,
    ...(proxy !== undefined && { https_proxy: proxy, http_proxy: proxy }),
    ...(noProxy !== undefined && { no_proxy: noProxy }),
  };
}
