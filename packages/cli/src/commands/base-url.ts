import { InvalidArgumentError, Option } from "commander";

const DEFAULT_BASE_URL = "http://127.0.0.1:8080/v1";

/** `--base-url` of a command that asks an API: from the environment, else a coordinator on this machine. */
export function baseUrlOption(about = "API to ask"): Option {
  return new Option("--base-url <url>", about).env("UMBEL_BASE_URL").default(DEFAULT_BASE_URL).argParser(asBaseUrl);
}

/** The address as every call needs it: one that names no version of the API means the first. @throws InvalidArgumentError for what is no address */
export function asBaseUrl(given: string): string {
  const text = given.trim().replace(/\/+$/, "");
  // Of a variable that is there and says nothing.
  if (text === "") return DEFAULT_BASE_URL;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(?:https?|wss?):$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new InvalidArgumentError(`Give an address such as ${DEFAULT_BASE_URL}.`);
  }
  return /\/v\d+$/.test(url.pathname) ? text : `${text}/v1`;
}
