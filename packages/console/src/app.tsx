import { useState } from "react";
import { Chat } from "./chat.js";
import { KeyForm } from "./key-form.js";
import { LinkPage } from "./link/link-page.js";
import { Network } from "./network.js";

/** Where the key is kept: this tab only, so that closing it forgets the key. */
const KEY_STORAGE = "umbel-api-key";

/** The address of the page that links machines; the coordinator serves the same file there. */
const LINK_PATH = "/link";

export function App() {
  const { pathname, search } = window.location;
  return (
    <main>
      <header>
        <h1>Umbel</h1>
        <p>A private inference network.</p>
      </header>
      {pathname === LINK_PATH ? <LinkPage offeredCode={new URLSearchParams(search).get("user_code") ?? ""} /> : <Overview />}
    </main>
  );
}

function Overview() {
  const [apiKey, setApiKey] = useState(() => sessionStorage.getItem(KEY_STORAGE) ?? "");
  const keep = (key: string) => {
    if (key === "") sessionStorage.removeItem(KEY_STORAGE);
    else sessionStorage.setItem(KEY_STORAGE, key);
    setApiKey(key);
  };
  if (apiKey === "") return <KeyForm onKey={keep} />;
  return (
    <>
      <Network apiKey={apiKey} onForget={() => keep("")} />
      <Chat apiKey={apiKey} />
    </>
  );
}
