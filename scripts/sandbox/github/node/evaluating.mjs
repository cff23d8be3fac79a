// Evaluates every expression in a JSON value, and tells which secrets were read on the way.
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { TokenType } from "@actions/expressions/lexer";
import { truthy } from "@actions/expressions/result";
import { hashFiles } from "./hashing.mjs";

const CONTEXTS = [
  "github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs",
];

export function evaluate({ value, contexts, status, directory }) {
  const read = new Set();
  const known = new data.Dictionary(
    ...CONTEXTS.map(name => ({ key: name, value: contextData(name, contexts[name], read) })),
  );
  const functions = statusFunctions(status ?? {}, directory);
  let last = new data.Null();
  const resolve = node => {
    if (Array.isArray(node)) return node.map(resolve);
    if (node === null || typeof node !== "object") return node;
    if ("$expression" in node) {
      last = evaluated(node.$expression, known, functions);
      return JSON.parse(JSON.stringify(last, data.replacer) ?? "null");
    }
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, resolve(child)]));
  };
  const resolved = resolve(value);
  return { value: resolved, truthy: truthy(last), secrets: [...read] };
}

function evaluated(expression, contexts, functions) {
  try {
    const tree = new Parser(lexed(expression), CONTEXTS, [...functions.values()]).parse();
    return new Evaluator(tree, contexts, functions).evaluate();
  } catch (error) {
    throw new Error(`\${{ ${expression} }}: ${error.message}`, { cause: error });
  }
}

// The published lexer takes only the first of a text's doubled quotes for one quote.
function lexed(expression) {
  return new Lexer(expression).lex().tokens.map(token =>
    token.type === TokenType.STRING ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token,
  );
}

function contextData(name, value, read) {
  const converted = value === undefined ? new data.Null() : JSON.parse(JSON.stringify(value), data.reviver);
  if (name === "secrets" && value) return new Watched(converted, key => read.add(key));
  if (name === "github" && value) {
    return new Watched(converted, key => key.toLowerCase() === "token" && read.add("GITHUB_TOKEN"));
  }
  return converted;
}

// A dictionary that says what is read from it, be it by name or as a whole.
class Watched extends data.Dictionary {
  constructor(dictionary, told) {
    super(...dictionary.pairs());
    this.names = dictionary.pairs().map(pair => pair.key);
    this.told = told;
  }
  get(key) {
    const name = this.names.find(known => known.toLowerCase() === key.toLowerCase());
    if (name !== undefined) this.told?.(name);
    return super.get(key);
  }
  values() {
    this.names?.forEach(this.told);
    return super.values();
  }
  pairs() {
    this.names?.forEach(this.told);
    return super.pairs();
  }
}

function statusFunctions(status, directory) {
  const answers = { always: true, success: false, failure: false, cancelled: false, ...status };
  const known = Object.entries(answers).map(([name, answer]) => [
    name,
    { name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(Boolean(answer)) },
  ]);
  const hashing = {
    name: "hashFiles",
    minArgs: 1,
    maxArgs: 255,
    call: (...patterns) => new data.StringData(hashFiles(directory, patterns.map(text => text.coerceString()))),
  };
  return new Map([...known, ["hashfiles", hashing]]);
}
