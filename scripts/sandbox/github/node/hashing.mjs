// hashFiles() as GitHub defines it: the SHA-256 of the SHA-256 of every matching file, in the order of paths.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function hashFiles(directory, patterns) {
  if (!directory) throw new Error("hashFiles() works only in the steps of a job");
  const rules = patterns.flatMap(text => text.split("\n")).map(line => line.trim()).filter(Boolean).map(rule);
  const files = filesBelow(directory, "").filter(path => matches(rules, path));
  if (!files.length) return "";
  const hash = createHash("sha256");
  for (const path of files) hash.update(createHash("sha256").update(readFileSync(join(directory, path))).digest());
  return hash.digest("hex");
}

function matches(rules, path) {
  return rules.reduce((found, { excludes, expression }) => (expression.test(path) ? !excludes : found), false);
}

function rule(pattern) {
  const excludes = pattern.startsWith("!");
  const body = pattern.replace(/^!/, "").replace(/^\.\//, "").replace(/\/$/, "");
  if (body.startsWith("/") || body.startsWith("~")) {
    throw new Error(`hashFiles(): ${pattern} is not relative to the workspace, which is not supported here`);
  }
  const source = body
    .split(/(\*\*\/|\*\*|\*|\?|\[[^\]]+\])/)
    .map((part, index) => (index % 2 ? GLOBS[part] ?? part : part.replace(/[.+^${}()|\\[\]]/g, "\\$&")))
    .join("");
  // What matches a folder matches everything in it.
  return { excludes, expression: new RegExp(`^${source}(/.*)?$`) };
}

const GLOBS = { "**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" };

function filesBelow(directory, below) {
  const entries = readdirSync(join(directory, below), { withFileTypes: true });
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  return entries.flatMap(entry => {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory()) return filesBelow(directory, path);
    return entry.isFile() ? [path] : [];
  });
}
