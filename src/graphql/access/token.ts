// The GraphQL type Token: its fields, its list and its mutations. Only createToken returns the token's secret part.

import {
  type CreatedToken,
  createToken,
  findCurrentToken,
  getCurrentToken,
  listTokens,
  MAX_TOKENS,
  type RevokedToken,
  revokeToken,
  tokenEdge,
} from '../../domain/access/token.js';
import { SCOPES, type Scope } from '../../domain/request/grant.js';
import { builder } from '../builder/builder.js';
import { loadEnvironmentOrNull, loadToken } from '../builder/loaders.js';
import { AccountRef, EnvironmentRef, NodeRef, TokenRef } from '../builder/refs.js';
import { type RefusalCode, refusable, resultOf } from '../builder/refusals.js';

const ScopeRef = builder.enumType('TokenScope', {
  description: 'What a token may be used for, within what its account may do.',
  values: {
    METADATA: { value: 'metadata', description: 'Reads, but no values. Every token has it.' },
    REVEAL: { value: 'reveal', description: 'Values. Every REST operation on secrets needs it.' },
    WRITE: { value: 'write', description: 'Writes of secrets.' },
    ADMIN: {
      value: 'admin',
      description: 'All other writes: accounts, plans, applications, environments, shares, tokens.',
    },
  } as const,
});

TokenRef.implement({
  description: 'A bearer token of an account, without its secret part.',
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is for.' }),
    accountId: t.expose('accountId', { type: 'UUID', description: 'The account it belongs to.' }),
    parentId: t.expose('parentTokenId', {
      type: 'UUID',
      nullable: true,
      description: 'The token that made it; null: a login or an operator did, or it is its account’s first.',
    }),
    parent: t.field({
      type: TokenRef,
      nullable: true,
      description: 'The token that made it; null where there is none, or it is revoked.',
      resolve: ({ parentTokenId }, _, ctx) => (parentTokenId === null ? null : loadToken(ctx, parentTokenId)),
    }),
    scopes: t.field({
      type: [ScopeRef],
      description: 'What it may be used for, within what its account may do.',
      resolve: ({ scopes }) => (scopes as Scope[] | null) ?? [...SCOPES],
    }),
    environment: t.field({
      type: EnvironmentRef,
      nullable: true,
      description: 'The environment of `environmentId`; null without one, and where the caller has no role in it.',
      resolve: ({ environmentId }, _, ctx) =>
        environmentId === null ? null : loadEnvironmentOrNull(ctx, environmentId),
    }),
    environmentId: t.expose('environmentId', {
      type: 'UUID',
      nullable: true,
      description: 'The one environment it is good for, outside of which nothing exists for it; null: all.',
    }),
    pathPrefixes: t.exposeStringList('pathPrefixes', {
      nullable: true,
      description: 'Dotted paths at or below which it is good; other secrets do not exist for it. Null: all.',
    }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTimeISO',
      nullable: true,
      description: 'When it was last used, to the minute; null: never.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTimeISO',
      nullable: true,
      description: 'When it ends by itself; null: never.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTimeISO',
      nullable: true,
      description: 'When it was revoked; null while it is not.',
    }),
  }),
});

builder.queryFields((t) => ({
  currentToken: t.field({
    type: TokenRef,
    nullable: true,
    description: 'The token that the caller has come with; the error TOKEN_NOT_FOUND when it is a login.',
    resolve: (_, __, ctx) => getCurrentToken(ctx),
  }),
}));

const TokenEdge = builder.edgeObject({
  type: TokenRef,
  name: 'TokenEdge',
  description: 'A token and its place in the list.',
});

builder.objectFields(AccountRef, (t) => ({
  token: t.field({
    type: TokenRef,
    nullable: true,
    description:
      'The token that the caller has come with; null for a login, which may do what its account may, and for every account but the caller’s own.',
    resolve: (account, _, ctx) => (account.id === ctx.actor?.accountId ? findCurrentToken(ctx) : null),
  }),
  tokens: t.connection(
    {
      type: TokenRef,
      nullable: true,
      description: 'The account’s tokens that are not revoked, oldest first; only for the caller’s own account.',
      resolve: (account, args, ctx) => (account.id === ctx.actor?.accountId ? listTokens(ctx, args) : null),
    },
    { name: 'TokenConnection', description: 'A page of tokens.' },
    TokenEdge,
  ),
}));

const Created = builder.objectRef<CreatedToken>('CreateTokenPayload').implement({
  description: 'A new token, with the only showing of its secret.',
  fields: (t) => ({
    token: t.expose('token', { type: TokenRef, description: 'The token.' }),
    tokenEdge: t.field({
      type: TokenEdge,
      description: 'The token in its account’s list, for clients that add it to a list themselves.',
      resolve: ({ token }) => tokenEdge(token),
    }),
    secret: t.exposeString('secret', {
      description: 'What goes behind `Authorization: Bearer`. It is stored as a hash and cannot be shown again.',
    }),
  }),
});

const Revoked = builder.objectRef<RevokedToken>('RevokeTokenPayload').implement({
  description: 'A token that was revoked.',
  fields: (t) => ({
    deletedId: t.exposeID('id', {
      description: 'The id of the token, for clients that take it out of a list themselves.',
    }),
    token: t.field({ type: TokenRef, description: 'The token, with the time of its end.', resolve: (token) => token }),
    revokedDescendantCount: t.exposeInt('revokedDescendantCount', {
      description: 'How many tokens were revoked together with it, by `withDescendants`.',
    }),
  }),
});

const CreateInput = builder.inputType('CreateTokenInput', {
  description: 'A new token of the caller’s account.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it is for: 1 to 64 letters, digits, `-`, `_` or `.`.' }),
    expiresAt: t.field({
      type: 'DateTimeISO',
      description:
        'When it ends: no later than the token that makes it, but if a login makes it, at any time. Absent or null: when that token or login does, or never if that token never does.',
    }),
    outlivesLogin: t.boolean({
      description:
        'For a login that makes a token: `true` and no `expiresAt` give one that never ends, `false` refuses an `expiresAt` behind the end of the login. Without effect if a token makes it.',
    }),
    scopes: t.field({
      type: [ScopeRef],
      description: 'What it may be used for: no more than the token that makes it. Absent or null: just as much.',
    }),
    environmentId: t.field({ type: 'ID', description: 'The one environment it is good for; absent or null: all.' }),
    pathPrefixes: t.stringList({
      description:
        'Canonical dotted paths at or below which it is good, 20 at most: `db` covers `db` and `db.host`, not `dbName`. Absent or null: all paths.',
    }),
  }),
});
const RevokeInput = builder.inputType('RevokeTokenInput', {
  description: 'A revocation.',
  fields: (t) => ({
    id: t.field({ type: 'ID', required: true, description: 'Which token.' }),
    withDescendants: t.boolean({
      description: 'Whether to end all tokens, too, that were made by it, directly or by others of them. Absent: no.',
    }),
  }),
});

const CREATE_REFUSALS = ['INVALID_REQUEST', 'LIMIT_EXCEEDED'] as const satisfies RefusalCode[];

const REVOKE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];

builder.mutationFields((t) => ({
  createToken: t.field({
    type: resultOf('CreateTokenResult', Created, CREATE_REFUSALS),
    nullable: true,
    description: `Creates a token of the caller’s account and shows its secret once. An account has ${MAX_TOKENS} valid ones at most.`,
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The token.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, CREATE_REFUSALS, () => createToken(ctx, input)),
  }),
  revokeToken: t.field({
    type: resultOf('RevokeTokenResult', Revoked, REVOKE_REFUSALS),
    nullable: true,
    description: 'Ends one of the caller’s tokens for good, everywhere within seconds.',
    args: { input: t.arg({ type: RevokeInput, required: true, description: 'Which one.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, REVOKE_REFUSALS, () => revokeToken(ctx, input)),
  }),
}));
