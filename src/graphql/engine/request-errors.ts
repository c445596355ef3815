// Messages for parse, validation and variable errors that never quote values from the request. The messages of
// graphql-js contain the values of variables and literals, and a value may be a secret.
import {
  type ASTVisitor,
  coerceInputValue,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  getOperationAST,
  isInputObjectType,
  isInputType,
  isListType,
  NoUndefinedVariablesRule,
  typeFromAST,
  UniqueInputFieldNamesRule,
  type ValidationContext,
  type ValidationRule,
  ValuesOfCorrectTypeRule,
} from 'graphql';
import { expectedForm } from '../messages/expected-form.js';
import { placeOf } from '../messages/literal-place.js';
import { invalidRequestError, refusalIn } from './errors.js';

/** The part of a syntax error that names kinds of tokens or punctuators, without the text of names and values. */
const SYNTAX =
  /^Syntax Error: ((?:Expected [^\n]*?, found|Unexpected) )?(<SOF>|<EOF>|"(?:[!$&().:=@[\]{|}?]|\.\.\.)"|Name|Int|Float|String|BlockString|Comment)/;

/**
 * Converts errors of the parser to INVALID_REQUEST. A RangeError means that the document exhausted the stack: the
 * parser has no limit of its own for nesting.
 */
export function syntaxError(error: unknown): unknown {
  if (error instanceof RangeError) {
    return invalidRequestError('Syntax Error: the document is nested too deeply.');
  }
  if (!(error instanceof GraphQLError)) return error;
  const limit = /contains more tha[nt] (\d+) tokens/.exec(error.message)?.[1];
  if (limit) return invalidRequestError(`Token limit of ${limit} exceeded.`, error);
  const match = SYNTAX.exec(error.message);
  return invalidRequestError(match ? `${match[0]}.` : 'Syntax Error: the document is not valid GraphQL.', error);
}

/** GraphQL Armor's plugins report an exceeded limit as a syntax error; this removes the misleading prefix. */
export function limitError(error: unknown): unknown {
  if (!(error instanceof GraphQLError)) return error;
  const limit = /^Syntax Error: ((?:Query depth|Aliases) limit of \d+ exceeded(?:, found \d+)?\.)/.exec(error.message);
  return limit ? invalidRequestError(limit[1] as string, error) : error;
}

/** Replacements for standard rules whose messages may quote values; the others name only types, fields, arguments. */
export const safeRules: ReadonlyMap<ValidationRule, ValidationRule> = new Map([
  [ValuesOfCorrectTypeRule, withoutValues(ValuesOfCorrectTypeRule)],
  [UniqueInputFieldNamesRule, withoutValues(UniqueInputFieldNamesRule)],
  // A secret that begins with `$` and is not quoted parses as the name of a variable.
  [NoUndefinedVariablesRule, withoutValues(NoUndefinedVariablesRule)],
]);

function withoutValues(rule: ValidationRule): ValidationRule {
  return (context): ASTVisitor => {
    const safe: ValidationContext = Object.create(context, {
      reportError: { value: (error: GraphQLError) => context.reportError(withoutValue(error, context)) },
    });
    return rule(safe);
  };
}

function withoutValue(error: GraphQLError, context: ValidationContext): GraphQLError {
  const refusal = refusalIn(error);
  const place = placeOf(error.nodes?.[0], context.getDocument());
  const placed = (problem: string) => (place === undefined ? problem : `${place}: ${problem}`);
  if (refusal) {
    const problems = (refusal.details.problems ?? [refusal.message]).map(placed);
    return invalidRequestError(problems.join('; '), error, problems);
  }
  if (/^Field "[\w.]+" of required type/.test(error.message)) return error;
  if (error.message.startsWith('Variable "')) {
    return invalidRequestError('A variable is used that the operation does not define.', error);
  }
  if (error.message.startsWith('There can be only one input field')) {
    return invalidRequestError('There can be only one input field of each name.', error);
  }
  if (/^Field "\w+" is not defined by type/.test(error.message)) {
    return invalidRequestError(unknownField(context.getParentInputType(), context.hideSuggestions), error);
  }
  const type = context.getInputType();
  if (ONE_OF.test(error.message)) return invalidRequestError(exactlyOne(type, context.hideSuggestions), error);
  if (!type) return invalidRequestError('A value is not valid.', error);
  const problem = placed(`expected ${expectedForm(type, Boolean(context.hideSuggestions))}`);
  return invalidRequestError(problem, error, [problem]);
}

const MAX_VARIABLE_ERRORS = 50;
const TOO_MANY_ERRORS = new Error('enough');

/**
 * The problems of an operation's variables, each with its path, such as `$input.path: expected [String!]!`. At most 50
 * are listed, because every element of the body may cause one.
 */
export function variableErrors(args: ExecutionArgs): GraphQLError[] {
  const { schema, document, operationName, variableValues, hideSuggestions } = args;
  const operation = getOperationAST(document, operationName);
  const errors: GraphQLError[] = [];
  try {
    for (const definition of operation?.variableDefinitions ?? []) {
      const name = definition.variable.name.value;
      const type = typeFromAST(schema, definition.type);
      if (!isInputType(type)) continue;
      const isGiven = variableValues != null && Object.hasOwn(variableValues, name);
      if (!isGiven && definition.defaultValue) continue;
      const value = isGiven ? variableValues[name] : null;
      if (value === null && getNullableType(type) === type) continue;
      const definitionError = new GraphQLError('', { nodes: definition });
      coerceInputValue(value, type, (path, _, error) => {
        if (errors.length >= MAX_VARIABLE_ERRORS) throw TOO_MANY_ERRORS;
        const variablePath = `$${name}${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')}`;
        const problems = problemsOf(error, typeAt(type, path), hideSuggestions).map(
          (problem) => `${variablePath}: ${problem}`,
        );
        errors.push(invalidRequestError(problems.join('; '), definitionError, problems));
      });
    }
  } catch (error) {
    if (error !== TOO_MANY_ERRORS) throw error;
    errors.push(invalidRequestError('There are more problems with the variables; only the first are listed.'));
  }
  return errors;
}

function problemsOf(
  error: GraphQLError,
  type: GraphQLInputType | undefined,
  hideNames: ExecutionArgs['hideSuggestions'],
): readonly string[] {
  const refusal = refusalIn(error);
  if (refusal) return refusal.details.problems ?? [refusal.message];
  if (/^Field "\w+" of required type/.test(error.message)) {
    return [hideNames ? 'expected a field that is required and missing' : error.message];
  }
  if (/^Field ".*" is not defined by type "\w+"/s.test(error.message)) return [unknownField(type, hideNames)];
  if (ONE_OF.test(error.message)) return [exactlyOne(type, hideNames)];
  return [type ? `expected ${expectedForm(type, Boolean(hideNames))}` : 'expected another type'];
}

/** The messages of graphql-js about `@oneOf` input objects: the first for variables, the second for literals. */
const ONE_OF = /^Exactly one key must|must specify exactly one key\.$/;

function exactlyOne(of: GraphQLInputType | null | undefined, hideNames: ExecutionArgs['hideSuggestions']): string {
  const type = of && getNamedType(of);
  if (hideNames || !isInputObjectType(type)) return 'expected exactly one of the fields that are defined';
  return `expected exactly one of the fields ${Object.keys(type.getFields()).join(', ')} of ${type.name}`;
}

/** Lists the defined fields, unless introspection is off: then clients may not learn them. */
function unknownField(of: GraphQLInputType | null | undefined, hideNames: ExecutionArgs['hideSuggestions']): string {
  const type = of && getNamedType(of);
  if (hideNames || !isInputObjectType(type)) return 'expected only fields that are defined';
  return `expected only the fields ${Object.keys(type.getFields()).join(', ')} of ${type.name}`;
}

function typeAt(type: GraphQLInputType, path: readonly (string | number)[]): GraphQLInputType | undefined {
  let current: GraphQLInputType | undefined = type;
  for (const key of path) {
    const inner: unknown = current && getNullableType(current);
    if (typeof key === 'number') current = isListType(inner) ? (inner.ofType as GraphQLInputType) : undefined;
    else current = isInputObjectType(inner) ? inner.getFields()[key]?.type : undefined;
  }
  return current;
}
