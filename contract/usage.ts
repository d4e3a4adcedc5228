// Compiles as long as the generated types know these parts of the contract.
import type { operations } from "./build/schema.js";

type Responses<Name extends keyof operations> = operations[Name]["responses"];
type Json<Response extends { content: { "application/json": unknown } }> =
  Response["content"]["application/json"];

export function fichesOf(result: Json<Responses<"getJobResult">[200]>): number {
  return result.outcome["fiches"] ?? 0;
}

export function isEnded(job: Json<Responses<"getJob">[200]>): boolean {
  return job.status.state !== "processing";
}

type Conflict = Responses<"retryJob">[409]["content"]["application/problem+json"]["type"];

export const nothingFailed: Conflict = "urn:problem-type:toetsfeedback:api:nothingFailed";
