// The published parser imports JSON files as bundlers allow it; Node wants an import attribute. This hook makes
// a module of each such file. Use: node --import ./json_modules.mjs FILE
import { readFile } from "node:fs/promises";
import { register } from "node:module";

export async function load(url, context, next) {
  if (!url.endsWith(".json") || context.importAttributes?.type) return next(url, context);
  const text = await readFile(new URL(url), "utf8");
  return { format: "module", source: `export default ${text}`, shortCircuit: true };
}

register(import.meta.url);
