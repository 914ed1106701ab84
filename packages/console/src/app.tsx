import { useState } from "react";
import { Chat } from "./chat.js";
import { KeyForm } from "./key-form.js";
import { Network } from "./network.js";

/** Where the key is kept: this tab only, so that closing it forgets the key. */
const KEY_STORAGE = "umbel-api-key";

export function App() {
  const [apiKey, setApiKey] = useState(() => sessionStorage.getItem(KEY_STORAGE) ?? "");
  const keep = (key: string) => {
    if (key === "") sessionStorage.removeItem(KEY_STORAGE);
    else sessionStorage.setItem(KEY_STORAGE, key);
    setApiKey(key);
  };
  return (
    <main>
      <header>
        <h1>Umbel</h1>
        <p>A private inference network.</p>
      </header>
      {apiKey === "" ? (
        <KeyForm onKey={keep} />
      ) : (
        <>
          <Network apiKey={apiKey} onForget={() => keep("")} />
          <Chat apiKey={apiKey} />
        </>
      )}
    </main>
  );
}
