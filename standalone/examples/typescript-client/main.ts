// Reads a person's workouts with the types that openapi-typescript makes of
// /openapi.json: the compiler refuses a path, a parameter or a member that is not there.
// It needs URL, KEY and USER_ID, and prints what it found as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}

const api = createClient<paths>({ baseUrl: setting("URL"), headers: { Authorization: `Bearer ${setting("KEY")}` } });
const user_id = setting("USER_ID");

// need gives the answer, or throws what the problem says.
function need<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(`${answer.error?.code}: ${answer.error?.detail}`);
  return answer.data;
}

async function workouts(): Promise<components["schemas"]["Workout"][]> {
  const all: components["schemas"]["Workout"][] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: 20, ...(cursor ? { cursor } : {}) };
    const page = need(await api.GET("/api/v1/users/{user_id}/events/workouts", { params: { path: { user_id }, query } }));
    all.push(...page.data);
    cursor = page.pagination.next_cursor ?? undefined;
  } while (cursor);
  return all;
}

const all = await workouts();
const newest = all[0];
if (!newest) throw new Error("the person has no workouts");
const path = { workout_id: newest.id };
const full = need(await api.GET("/api/v1/workouts/{workout_id}", { params: { path } }));
const connections = need(await api.GET("/api/v1/users/{user_id}/connections", { params: { path: { user_id } } }));

const body = { external_user_id: "made by a generated client" };
const made = need(await api.POST("/api/v1/users", { body }));
const again = await api.POST("/api/v1/users", { body });
const erasure = need(await api.DELETE("/api/v1/users/{user_id}", { params: { path: { user_id: made.id } } }));

console.log(JSON.stringify({
  workouts: all.map((w) => w.id),
  seconds: all.reduce((sum, w) => sum + w.duration_seconds, 0),
  full: full.id,
  statuses: connections.map((c) => c.status),
  refused: again.error?.code,
  erasure: erasure.state,
}));
