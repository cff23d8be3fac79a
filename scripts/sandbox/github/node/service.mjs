// Answers questions about workflows with GitHub's own packages: one JSON object a line in, one a line out.
// Run: node --import ./json_modules.mjs service.mjs (see ../service.py for the other side)
import { createInterface } from "node:readline";
import { evaluate } from "./evaluating.mjs";
import { parseAction, parseWorkflow } from "./parsing.mjs";

const OPERATIONS = { parse: parseWorkflow, parse_action: parseAction, evaluate };

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { id, operation, ...question } = JSON.parse(line);
  let answer;
  try {
    answer = { id, answer: await OPERATIONS[operation](question) };
  } catch (error) {
    answer = { id, error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
