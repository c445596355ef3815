// Operations that need a caller are refused as a whole without one: 401, one error, and no data. What tells only about
// the schema (`__schema`, `__type`, `__typename`) needs none.
import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  getDirectiveValues,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../../domain/request/context.js';
import type { ErrorCode } from '../../errors/errors.js';

type Variables = Record<string, unknown> | undefined;

/** What the answer of such a refusal is besides its body. */
export const UNAUTHENTICATED_HTTP = { status: 401, headers: { 'www-authenticate': 'Bearer' } } as const;

/** The refusal of an operation as a whole, for a caller that is not known. */
export function unauthenticatedError(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'AUTH_UNAUTHORIZED' satisfies ErrorCode, http: { ...UNAUTHENTICATED_HTTP } },
  });
}

/** Throws AUTH_UNAUTHORIZED if the operation needs a caller and there is none. */
export function checkCaller(
  ctx: Context,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): void {
  if (ctx.actor || !needsCaller(document, operation, variables)) return;
  throw unauthenticatedError(
    ctx.isCredentialSent
      ? 'The credential is not accepted: it is badly formed, unknown, expired or revoked.'
      : 'No credential was sent: send a token in the header `Authorization: Bearer …`.',
  );
}

/** The same for what Yoga executes itself. */
export function useCallerCheck(): Plugin<Context> {
  const check = ({
    args,
  }: {
    args: Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues' | 'contextValue'>;
  }) => {
    const operation = getOperationAST(args.document, args.operationName);
    if (operation)
      checkCaller(args.contextValue as Context, args.document, operation, args.variableValues as Variables);
  };
  return { onExecute: check as never, onSubscribe: check as never };
}

function needsCaller(document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): boolean {
  const seen = new Set<string>();
  const hasField = ({ selections }: SelectionSetNode): boolean =>
    selections.some((selection) => {
      if (!isIncluded(selection, variables)) return false;
      if (selection.kind === Kind.FIELD) return !selection.name.value.startsWith('__');
      if (selection.kind === Kind.INLINE_FRAGMENT) return hasField(selection.selectionSet);
      const { value: name } = selection.name;
      if (seen.has(name)) return false;
      seen.add(name);
      return document.definitions.some(
        (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === name && hasField(each.selectionSet),
      );
    });
  return hasField(operation.selectionSet);
}

/** Whether `@skip` and `@include` leave the selection in. Whoever leaves it open with what is no Boolean does not. */
function isIncluded(selection: SelectionNode, variables: Variables): boolean {
  if (!selection.directives?.length) return true;
  try {
    const skip = getDirectiveValues(GraphQLSkipDirective, selection, variables);
    const include = getDirectiveValues(GraphQLIncludeDirective, selection, variables);
    return skip?.if !== true && include?.if !== false;
  } catch {
    return true;
  }
}
