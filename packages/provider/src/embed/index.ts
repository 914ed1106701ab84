export { createEmbedModel } from "./embed-model.js";
