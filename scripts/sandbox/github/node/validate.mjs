// Asks GitHub's own language service what is wrong with workflows and with the metadata of actions.
// Use: node --import ./json_modules.mjs validate.mjs FILE…
// Prints FILE:LINE: MESSAGE for each finding; exits with 1 if there is any.
import { access, readFile } from "node:fs/promises";
import { registerLogger, validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";
import { parse } from "yaml";

const ACTIONS = new URL("actions/", import.meta.url);
let findings = 0;
let file = "";

function report(line, message) {
  findings += 1;
  console.log(`${file}:${line}: ${message.replaceAll(/\s+/g, " ")}`);
}

// The service logs what it cannot cope with, and then finds nothing. That must not pass for a good file.
registerLogger({
  error: (message) => report(1, `cannot be checked: ${message}`),
  warn: (message) => report(1, message),
  info() {},
  log() {},
});

// What an action takes and gives, as far as it is used here; undefined for others, which the service reports.
async function fetchActionMetadata({ owner, name, path }) {
  const metadata = new URL(`${owner}/${[name, path].filter(Boolean).join("/")}.yml`, ACTIONS);
  try {
    await access(metadata);
  } catch {
    return undefined;
  }
  return parse(await readFile(metadata, "utf8"));
}

// Reusable workflows are read from the repository that the file is in.
function fileProvider(workflow) {
  const root = workflow.replace(/\.github\/.*$/s, "");
  return {
    async getFileContent({ path }) {
      return { name: path, content: await readFile(`${root}${path}`, "utf8") };
    },
  };
}

for (file of process.argv.slice(2)) {
  const document = TextDocument.create(file, "yaml", 1, await readFile(file, "utf8"));
  const config = { actionsMetadataProvider: { fetchActionMetadata }, fileProvider: fileProvider(file) };
  for (const { range, message } of await validate(document, config)) report(range.start.line + 1, message);
}
process.exitCode = findings ? 1 : 0;
