// Fields of Environment, and of EnvironmentSnapshot, that return its secrets: in pages, all in one list, as documents, or one by its path.
import type { Context } from '../../domain/request/context.js';
import { agentSecretsTag, getAgentSecretByPath } from '../../domain/secrets/agent-secret.js';
import {
  listAllAgentSecrets,
  listOpenedAgentSecrets,
  type OpenedAgentSecret,
} from '../../domain/secrets/agent-secret-list.js';
import { listAgentSecrets } from '../../domain/secrets/agent-secret-page.js';
import type { Environment } from '../../domain/tenancy/environment.js';
import { TYPE_KINDS, type TypeKind } from '../../domain/types/analysed-type.js';
import type { RawJson } from '../../json/exact.js';
import { JsonList } from '../../json/json-list.js';
import { builder } from '../builder/builder.js';
import { AgentSecretRef, AgentSecretRevisionRef, EnvironmentRef, EnvironmentSnapshotRef } from '../builder/refs.js';
import { AgentSecretRevisionConnection, totalCountOf } from './agent-secret-revision.js';
import { documentOf } from './agent-secret-state.js';

const TypeKindRef = builder.enumType('AnalysedTypeKind', {
  description: 'The kinds of types, as `type` names them in a type document.',
  values: Object.fromEntries(
    TYPE_KINDS.map((kind) => [kind, { value: kind, description: `Types whose \`type\` is \`${kind}\`.` }]),
  ) as Record<TypeKind, { value: TypeKind; description: string }>,
});

const Filter = builder.inputType('AgentSecretFilter', {
  description: 'All given conditions must hold.',
  fields: (t) => ({
    pathPrefix: t.string({
      description:
        'Canonical dotted paths that begin with this text: `db` finds `db`, `db.host` and `dbName`, `db.` only what is below `db`.',
    }),
    deleted: t.boolean({ description: 'Deleted ones instead of those that live.' }),
    hasValue: t.boolean({ description: 'With a value, or without one.' }),
    typeKinds: t.field({ type: [TypeKindRef], description: 'Whose type’s outermost kind is one of these.' }),
    updatedSince: t.field({ type: 'DateTimeISO', description: 'Written at this time or later.' }),
  }),
});

const SortField = builder.enumType('AgentSecretSortField', {
  description: 'What a list of secrets can be ordered by.',
  values: {
    PATH: { value: 'path', description: 'The canonical path, byte by byte.' },
    CREATED_AT: { value: 'createdAt', description: 'When it was created.' },
    UPDATED_AT: { value: 'updatedAt', description: 'When it was last written.' },
  } as const,
});

const SortDirection = builder.enumType('SortDirection', {
  description: 'Ascending or descending.',
  values: { ASC: { description: 'Smallest first.' }, DESC: { description: 'Largest first.' } } as const,
});

const OrderBy = builder.inputType('AgentSecretOrder', {
  description: 'The order of a list of secrets; ties go by id.',
  fields: (t) => ({
    field: t.field({ type: SortField, required: true, description: 'What to order by.' }),
    direction: t.field({ type: SortDirection, required: true, defaultValue: 'ASC', description: 'Which way.' }),
  }),
});

export const AgentSecretEdge = builder.edgeObject({
  type: AgentSecretRef,
  name: 'AgentSecretEdge',
  description: 'A secret and its place in the list.',
});

const AgentSecretConnection = builder.connectionObject(
  {
    type: AgentSecretRef,
    name: 'AgentSecretConnection',
    description: 'A page of secrets.',
    fields: (connection) => ({
      totalCount: connection.field({
        type: 'Int',
        description: 'How many secrets match the filter on all pages together.',
        resolve: totalCountOf,
      }),
    }),
  },
  AgentSecretEdge,
);

// An environment lists its secrets; one of the past lists the revisions that its secrets had.
for (const { holder, item, connection } of [
  { holder: EnvironmentRef, item: AgentSecretRef, connection: AgentSecretConnection },
  { holder: EnvironmentSnapshotRef, item: AgentSecretRevisionRef, connection: AgentSecretRevisionConnection },
] as readonly {
  holder: typeof EnvironmentRef;
  item: typeof AgentSecretRef;
  connection: typeof AgentSecretConnection;
}[]) {
  builder.objectFields(holder, (t) => ({
    agentSecrets: t.connection(
      {
        type: item,
        nullable: true,
        description: 'The environment’s secrets in pages; values stay sealed unless selected.',
        args: {
          filter: t.arg({ type: Filter, description: 'Only secrets that match.' }),
          orderBy: t.arg({ type: OrderBy, description: 'By path unless told.' }),
        },
        resolve: (environment, args, ctx) => listAgentSecrets(ctx, environment, args),
      },
      connection,
      AgentSecretEdge,
    ),
    allAgentSecrets: t.field({
      type: [item],
      nullable: true,
      description:
        'Every secret of the environment by path, in one list as REST answers it; the plan bounds its length.',
      resolve: (environment, _, ctx) => listAllAgentSecrets(ctx, environment),
    }),
    agentSecretDocuments: t.field({
      type: 'AgentSecretDocuments',
      nullable: true,
      description:
        'The same list with every value opened, in one piece as REST answers it: for programs that want all there is, in a fraction of the time. Null, and the error AGENT_SECRET_VALUE_UNREADABLE with the ids, where values cannot be opened.',
      resolve: (environment, _, ctx) => documentsOf(ctx, environment),
    }),
    agentSecret: t.field({
      type: item,
      nullable: true,
      description: 'The secret at a path, or null. Give exactly one of the arguments.',
      args: {
        path: t.arg.stringList({ description: 'Segments in any casing; converted to canonical form.' }),
        pathText: t.arg.string({ description: 'The dotted canonical path, exactly as `pathText` shows it.' }),
      },
      resolve: (environment, args, ctx) => getAgentSecretByPath(ctx, environment, args),
    }),
  }));
}

builder.objectFields(EnvironmentRef, (t) => ({
  agentSecretsTag: t.string({
    nullable: true,
    description:
      'Changes whenever `agentSecrets` may have changed; REST answers it as the list’s `ETag`. Costs no look at any secret.',
    resolve: (environment, _, ctx) => agentSecretsTag(ctx, environment),
  }),
}));

async function documentsOf(ctx: Context, environment: Environment): Promise<RawJson[] | JsonList> {
  const { first, rest, bytes } = await listOpenedAgentSecrets(ctx, environment);
  const documents = (secrets: readonly OpenedAgentSecret[]) =>
    secrets.map((secret) => documentOf(environment.id, secret, secret.value));
  ctx.operation?.answer(bytes);
  if (!rest) return documents(first);
  if (ctx.operation?.canStream) return new JsonList(inPortions(documents(first), rest, documents), bytes);
  const all = documents(first);
  for await (const secrets of rest) all.push(...documents(secrets));
  return all;
}

async function* inPortions(
  first: readonly RawJson[],
  rest: AsyncIterable<OpenedAgentSecret[]>,
  print: (secrets: readonly OpenedAgentSecret[]) => RawJson[],
): AsyncGenerator<readonly RawJson[]> {
  yield first;
  for await (const secrets of rest) yield print(secrets);
}
