// A document's mutations run one after the other, and one of them may revoke the very credential that the document came
// with. So each of them confirms the caller before it runs.
import type { GraphQLSchema } from 'graphql';
import { confirmCaller } from '../../domain/access/reauthentication.js';

/** The schema, in which every mutation confirms the caller. This costs a query only behind a revocation. */
export function confirmingCallers(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field;
    if (!resolve) continue;
    field.resolve = (source, args, ctx, info) => {
      const confirmation = confirmCaller(ctx);
      return confirmation
        ? confirmation.then(() => resolve(source, args, ctx, info))
        : resolve(source, args, ctx, info);
    };
  }
  return schema;
}
