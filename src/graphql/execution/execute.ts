// Executes documents that run again and again: planned once, and printed while they are executed, instead of being
// answered as an object tree that is then printed. The answer is what graphql-js would answer, byte for byte.
import { type ExecutionArgs, type GraphQLError, type GraphQLFormattedError, getVariableValues } from 'graphql';
import { JsonText } from '../../json/json-text.js';
import { operationOf, planOf } from './documents.js';
import { CollectedErrors, type Execution, isPrinted, type ObjectPlan, type Printed } from './execution.js';
import { executeField, executeFields } from './fields.js';

/** The `data` of an answer, printed. */
export class PrintedData extends JsonText {
  /** Whether any field of the operation itself is not null. */
  readonly hasFields: boolean;

  constructor(text: string | JsonText, hasFields: boolean) {
    super();
    this.add(text);
    this.hasFields = hasFields;
  }
}

export interface PrintedResult {
  errors?: readonly GraphQLError[];
  data?: PrintedData | null;
  extensions?: GraphQLFormattedError['extensions'];
}

/** Undefined where the document has no plan: then graphql-js executes it. The document must be valid. */
export function executePlanned({
  schema,
  document,
  operationName,
  variableValues,
  contextValue,
  rootValue,
  options,
}: ExecutionArgs): PrintedResult | Promise<PrintedResult> | undefined {
  if (variableValues != null && typeof variableValues !== 'object') return undefined;
  const operation = operationOf(document, operationName);
  if (!operation) return undefined;
  const maxErrors = options?.maxCoercionErrors ?? 50;
  const variables = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {}, { maxErrors });
  if (variables.errors) return { errors: variables.errors };
  const found = planOf(schema, document, operation, variables.coerced);
  if (!found) return undefined;
  const { fragments, plan, done } = found;
  const execution: Execution = {
    schema,
    fragments,
    operation,
    rootValue,
    contextValue,
    variableValues: variables.coerced,
    errors: new CollectedErrors(),
  };
  const answer = (data: PrintedData | null): PrintedResult => {
    done();
    const { list } = execution.errors;
    return list.length === 0 ? { data } : { errors: list, data };
  };
  const failed = (error: unknown): PrintedResult => {
    execution.errors.add(error as GraphQLError, undefined);
    return answer(null);
  };
  try {
    if (operation.operation === 'mutation') return executeSerially(execution, plan).then(answer, failed);
    const text = executeFields(execution, plan, rootValue, undefined);
    return isPrinted(text)
      ? answer(new PrintedData(text, true))
      : text.then((printed) => answer(new PrintedData(printed, true)), failed);
  } catch (error) {
    return failed(error);
  }
}

/** One field after the other: each begins when the one before has ended. */
async function executeSerially(execution: Execution, { fields }: ObjectPlan): Promise<PrintedData> {
  const text = new JsonText();
  let hasFields = false;
  for (const field of fields) {
    const printed: Printed = await executeField(execution, field, execution.rootValue, undefined);
    hasFields ||= printed !== null;
    text.add(field.prefix);
    text.add(printed ?? 'null');
  }
  text.add(fields.length === 0 ? '{}' : '}');
  return new PrintedData(text, hasFields);
}
