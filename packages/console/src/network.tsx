import { useEffect, useState } from "react";
import { type Balance, getJson, type Model } from "./api.js";

const REFRESH_ms = 5_000;

interface Snapshot {
  readonly models: readonly Model[];
  readonly balance: Balance;
}

export function Network({ apiKey, onForget }: { readonly apiKey: string; readonly onForget: (() => void) | undefined }) {
  const [snapshot, setSnapshot] = useState<Snapshot>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const ended = new AbortController();
    const refresh = async () => {
      try {
        const [models, balance] = await Promise.all([
          getJson<{ data: readonly Model[] }>("/v1/models", apiKey, ended.signal),
          getJson<Balance>("/v1/payments/balance", apiKey, ended.signal),
        ]);
        setSnapshot({ models: models.data, balance });
        setError(undefined);
      } catch (cause) {
        if (!ended.signal.aborted) setError(cause instanceof Error ? cause.message : String(cause));
      }
    };
    void refresh();
    const timer = setInterval(refresh, REFRESH_ms);
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, [apiKey]);

  return (
    <section className="card" aria-label="Network">
      {error !== undefined && (
        <p role="alert" className="error">
          {error}
        </p>
      )}
      {snapshot !== undefined && (
        <>
          <table>
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">Context</th>
                <th scope="col">Machines</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {snapshot.models.map((model) => (
                <tr key={model.id}>
                  <th scope="row">{model.id}</th>
                  <td>{model.context_length.toLocaleString()} tokens</td>
                  <td>{model.metadata.routable_providers}</td>
                  <td>{model.metadata.can_accept ? "ready" : model.metadata.routable_providers > 0 ? "busy" : "no machine"}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="hint">
            Balance {snapshot.balance.balance_usd} USD, held {snapshot.balance.held_usd} USD.
          </p>
        </>
      )}
      {onForget !== undefined && (
        <button type="button" className="quiet" onClick={onForget}>
          Use another key
        </button>
      )}
    </section>
  );
}
