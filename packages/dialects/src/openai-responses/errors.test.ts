import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import { openaiResponses } from "./index.js";

const rendered = (param: string, code: "invalid_request_error" | "unsupported_parameter" = "invalid_request_error") =>
  openaiResponses.renderError(new ApiError({ status: 400, code, message: `${param} is too long`, param }), "r1");

describe("an error", () => {
  it("that admission or a provider found is told in this surface's names", () => {
    expect(rendered("messages")).toMatchObject({ error: { param: "input", message: "input is too long", request_id: "r1" } });
    expect(rendered("response_format.json_schema")).toMatchObject({ error: { param: "text.format.json_schema" } });
    expect(rendered("temperature")).toMatchObject({ error: { param: "temperature", message: "temperature is too long" } });
  });

  it("keeps the caller's own name of what is not supported here", () => {
    expect(rendered("messages", "unsupported_parameter")).toMatchObject({ error: { param: "messages" } });
  });
});
