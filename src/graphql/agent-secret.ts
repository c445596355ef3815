// AgentSecret in GraphQL: its fields, and how environments list and find secrets.
import {
  type AgentSecret,
  agentSecretsTag,
  getAgentSecret,
  getAgentSecretByPath,
  listAgentSecrets,
  openSecretValue,
  valueStateOf,
} from '../domain/agent-secret.js';
import { listAllAgentSecrets, listOpenedAgentSecrets } from '../domain/agent-secret-list.js';
import { getAgentSecretAtRevision } from '../domain/agent-secret-revision.js';
import { describeAnalysedType, TYPE_KINDS, type TypeKind } from '../domain/analysed-type.js';
import { analysedTypeFromText } from '../domain/analysed-type-parse.js';
import type { Context } from '../domain/context.js';
import { segmentsOf } from '../domain/secret-path.js';
import { printJson, RawJson } from '../json.js';
import { builder } from './builder.js';
import { loadAccountName, loadEnvironment, loadStoredValue } from './loaders.js';
import { AccountNameRef, AgentSecretRef, EnvironmentRef, NodeRef } from './refs.js';

export const ValueStateRef = builder.enumType('ValueState', {
  description: 'What there is of a value.',
  values: {
    PRESENT: { description: 'A value; an Option set to none is one.' },
    ABSENT: { description: 'None is set.' },
    DESTROYED: { description: 'There was one, which has been erased for good.' },
  } as const,
});

AgentSecretRef.implement({
  description: 'A typed secret at a path of an environment, changed only by revision-checked writes.',
  interfaces: [NodeRef],
  fields: (t) => ({
    environmentId: t.expose('environmentId', { type: 'UUID', description: 'The id of its environment.' }),
    environment: t.field({
      type: EnvironmentRef,
      description: 'Its environment.',
      resolve: (secret, _, ctx) => secret.environment ?? loadEnvironment(ctx, secret.environmentId),
    }),
    path: t.stringList({
      description: 'Canonical path segments, each in lowerCamelCase.',
      resolve: (secret) => segmentsOf(secret.path),
    }),
    pathText: t.exposeString('path', { description: 'The canonical path joined by dots; unique in the environment.' }),
    revision: t.expose('revision', { type: 'Revision', description: '0 when created, + 1 with every write.' }),
    secretType: t.field({
      type: 'AnalysedType',
      description: 'The declared type as a canonical document.',
      resolve: (secret) => new RawJson(secret.secretType),
    }),
    secretTypeText: t.string({
      description: 'The declared type in readable form, e.g. `record { host: string, port: u16 }`.',
      resolve: (secret) => describeAnalysedType(analysedTypeFromText(secret.secretType)),
    }),
    hasValue: t.boolean({
      description: 'Whether a value is set; an Option set to none is a value.',
      resolve: (secret) => valueStateOf(secret) === 'PRESENT',
    }),
    valueState: t.field({
      type: ValueStateRef,
      description: 'Tells a null `secretValue` from another.',
      resolve: valueStateOf,
    }),
    secretValue: t.field({
      type: 'SecretValue',
      nullable: true,
      description:
        'The value, opened because it is selected; null without a value, and for an Option set to none. The error AGENT_SECRET_VALUE_DESTROYED where it was erased.',
      resolve: (secret, _, ctx) => {
        const text = valueText(ctx, secret);
        return text instanceof Promise ? text.then(asRaw) : asRaw(text);
      },
    }),
    secretValueText: t.string({
      nullable: true,
      description:
        'The value as exact JSON text, for clients whose JSON parser rounds large integers; null without one.',
      resolve: (secret, _, ctx) => valueText(ctx, secret),
    }),
    document: t.field({
      type: 'AgentSecretDocument',
      nullable: true,
      description:
        'The secret with its value opened, in one piece as REST answers it; null, and the error of `secretValue`, where that has one.',
      resolve: (secret, _, ctx) => {
        const text = valueText(ctx, secret);
        return text instanceof Promise
          ? text.then((value) => documentOf(secret.environmentId, secret, value))
          : documentOf(secret.environmentId, secret, text);
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
    createdBy: t.field({
      type: AccountNameRef,
      description: 'Who created it.',
      resolve: (secret, _, ctx) => loadAccountName(ctx, secret.createdBy),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTimeISO', description: 'When it was last written.' }),
    updatedBy: t.field({
      type: AccountNameRef,
      description: 'Who wrote it last.',
      resolve: (secret, _, ctx) => loadAccountName(ctx, secret.updatedBy),
    }),
    deletedAt: t.field({
      type: 'DateTimeISO',
      nullable: true,
      description: 'When it was deleted; null for one that is not.',
      resolve: ({ deletedAt }) => deletedAt ?? null,
    }),
  }),
});

/** A value that has been read is opened at once; others are read, all that a request asks for together. */
function valueText(ctx: Context, secret: AgentSecret): string | null | Promise<string | null> {
  const isRead = secret.sealedValue !== undefined || secret.echo !== undefined || secret.isDestroyed;
  return isRead ? openSecretValue(ctx, secret) : loadStoredValue(ctx, secret);
}

export function asRaw(text: string | null): RawJson | null {
  return text === null ? null : new RawJson(text);
}

/** The stored texts as they are: nothing that is exact is read and printed again. */
function documentOf(
  environmentId: string,
  { id, path, revision, secretType }: Pick<AgentSecret, 'id' | 'path' | 'revision' | 'secretType'>,
  value: string | null,
): RawJson {
  // A dot is never part of an escape.
  const segments = printJson(path).replaceAll('.', '","');
  return new RawJson(
    `{"id":"${id}","environmentId":"${environmentId}","path":[${segments}],"revision":${revision},"secretType":${secretType},"secretValue":${value}}`,
  );
}

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

builder.objectFields(EnvironmentRef, (t) => ({
  agentSecrets: t.connection(
    {
      type: AgentSecretRef,
      description: 'The environment’s secrets in pages; values stay sealed unless selected.',
      args: {
        filter: t.arg({ type: Filter, description: 'Only secrets that match.' }),
        orderBy: t.arg({ type: OrderBy, description: 'By path unless told.' }),
      },
      resolve: (environment, args, ctx) => listAgentSecrets(ctx, environment, args),
    },
    {
      name: 'AgentSecretConnection',
      description: 'A page of secrets.',
      fields: (connection) => ({
        totalCount: connection.field({
          type: 'NonNegativeInt',
          description: 'How many secrets match the filter on all pages together.',
          resolve: (page) => page.totalCount(),
        }),
      }),
    },
    { name: 'AgentSecretEdge', description: 'A secret and its place in the list.' },
  ),
  allAgentSecrets: t.field({
    type: [AgentSecretRef],
    description: 'Every secret of the environment by path, in one list as REST answers it; the plan bounds its length.',
    resolve: (environment, _, ctx) => listAllAgentSecrets(ctx, environment),
  }),
  agentSecretDocuments: t.field({
    type: 'AgentSecretDocuments',
    description:
      'The same list with every value opened, in one piece as REST answers it: for programs that want all there is, in a fraction of the time.',
    resolve: async (environment, _, ctx) => {
      const secrets = await listOpenedAgentSecrets(ctx, environment);
      return secrets.map((secret) => documentOf(environment.id, secret, secret.value));
    },
  }),
  agentSecretsTag: t.string({
    description:
      'Changes whenever `agentSecrets` may have changed; REST answers it as the list’s `ETag`. Costs no look at any secret.',
    resolve: (environment, _, ctx) => agentSecretsTag(ctx, environment),
  }),
  agentSecret: t.field({
    type: AgentSecretRef,
    nullable: true,
    description: 'The secret at a path, or null. Give exactly one of the arguments.',
    args: {
      path: t.arg.stringList({ description: 'Segments in any casing; converted to canonical form.' }),
      pathText: t.arg.string({ description: 'The dotted canonical path, exactly as `pathText` shows it.' }),
    },
    resolve: (environment, args, ctx) => getAgentSecretByPath(ctx, environment, args),
  }),
}));

builder.queryFields((t) => ({
  agentSecret: t.field({
    type: AgentSecretRef,
    nullable: true,
    description: 'A secret by its id; the error AGENT_SECRET_NOT_FOUND when the caller may not see it.',
    args: {
      id: t.arg({ type: 'UUID', required: true, description: 'The secret’s id.' }),
      revision: t.arg({
        type: 'Revision',
        description:
          'As this revision of the secret left it, also when it has been deleted since; the error AGENT_SECRET_REVISION_NOT_FOUND when there is none.',
      }),
    },
    resolve: (_, { id, revision }, ctx) =>
      revision == null ? getAgentSecret(ctx, id) : getAgentSecretAtRevision(ctx, id, revision),
  }),
}));
