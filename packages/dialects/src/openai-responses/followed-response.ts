import { cutOff } from "../canonical/answer.js";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import type { ResponseBody } from "./answer-schema.js";
import type { OpenAiResponsesOptions } from "./options.js";
import { createOutputSequence } from "./output-sequence.js";
import { answerIdOf, begunResponse, endingStatus, failedResponse, finishedResponse } from "./wire.js";

/** A response that can be looked at while it comes, whoever reads it, and after it has ended. */
export interface FollowedResponse {
  readonly id: string;
  event(event: ChatEvent): void;
  /** As it is now. */
  body(): ResponseBody;
  /** There are no more events. What comes after an end changes nothing. */
  end(): void;
  fail(error: ApiError): void;
  cancel(): void;
}

export function followResponse(context: RenderContext<OpenAiResponsesOptions>): FollowedResponse {
  const output = createOutputSequence(answerIdOf(context), context.options);
  let finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  let last: ResponseBody | undefined;
  const begun = (): ResponseBody => ({ ...begunResponse(context), output: output.items() });
  const fail = (error: ApiError): void => {
    if (last !== undefined) return;
    output.breakOff();
    last = failedResponse(context, output.items(), error);
  };
  return {
    id: begunResponse(context).id,
    event(event) {
      if (event.type === "finish") finish ??= event;
      else if (finish === undefined && last === undefined) output.add(event);
    },
    body: () => last ?? begun(),
    fail,
    end() {
      if (finish === undefined) return fail(cutOff());
      if (last !== undefined) return;
      output.finish(endingStatus(finish));
      last = finishedResponse(context, output.items(), finish);
    },
    cancel() {
      if (last !== undefined) return;
      output.breakOff();
      last = { ...begun(), status: "cancelled" };
    },
  };
}
