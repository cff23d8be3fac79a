// A workflow or an action as plain JSON, in which every expression is {"$expression": "…"}.
import {
  convertWorkflowTemplate, isBasicExpression, isMapping, isSequence, NoOperationTraceWriter,
  parseWorkflow as read,
} from "@actions/workflow-parser";
import { parseAction as readAction } from "@actions/workflow-parser/actions/action-parser";
import { convertActionTemplate } from "@actions/workflow-parser/actions/action-template";
import { YamlObjectReader } from "@actions/workflow-parser/workflows/yaml-object-reader";

// The published reader makes expressions of blocks of text as they stand in the file, indentation and all:
// right for an editor's positions, wrong for running them. Without the source it takes the value.
const literalToken = YamlObjectReader.getLiteralToken;
YamlObjectReader.getLiteralToken = (...node) => Object.assign(literalToken(...node), { source: undefined });

export async function parseWorkflow({ name, content }) {
  const { context, value } = read({ name, content }, new NoOperationTraceWriter());
  if (!value) return { errors: errors(context) };
  const template = await convertWorkflowTemplate(context, value);
  if (context.errors.count) return { errors: errors(context) };
  const workflow = plain(value);
  // The converted events have one shape for all spellings, but forget which inputs are numbers.
  const inputs = workflow.on?.workflow_dispatch?.inputs;
  workflow.on = template.events;
  if (inputs) workflow.on.workflow_dispatch.inputs = inputs;
  for (const job of template.jobs) {
    const plainJob = workflow.jobs[job.id.value];
    plainJob.if = marked(job.if.expression);
    job.steps?.forEach((step, index) => setCondition(plainJob.steps[index], step));
  }
  return { errors: [], value: workflow };
}

export function parseAction({ name, content }) {
  const { context, value } = readAction({ name, content }, new NoOperationTraceWriter());
  if (!value) return { errors: errors(context) };
  const template = convertActionTemplate(context, value);
  if (context.errors.count) return { errors: errors(context) };
  const action = plain(value);
  template.runs.steps?.forEach((step, index) => setCondition(action.runs.steps[index], step));
  return { errors: [], value: action };
}

// The converted condition is the one that GitHub evaluates: success() is in it where nothing else says so.
function setCondition(plainStep, step) {
  if (step.if) plainStep.if = marked(step.if.expression);
}

function marked(expression) {
  return { $expression: expression };
}

function plain(token) {
  if (isMapping(token)) {
    return Object.fromEntries([...token].map(({ key, value }) => [plainKey(key), plain(value)]));
  }
  if (isSequence(token)) return [...token].map(plain);
  if (isBasicExpression(token)) return marked(token.expression);
  return token.toJSON() ?? null;
}

function plainKey(key) {
  if (isBasicExpression(key) || key.isExpression) {
    throw new Error(`line ${key.range?.start.line}: expressions as keys are not supported here`);
  }
  return key.toString();
}

function errors(context) {
  return context.errors.getErrors().map(error => ({
    message: error.rawMessage,
    line: error.range?.start.line ?? null,
    column: error.range?.start.column ?? null,
  }));
}
