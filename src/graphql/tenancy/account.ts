// The GraphQL type Account: its fields, queries and mutations.
import {
  type Account,
  type AccountRole,
  accountEdge,
  type CreatedAccount,
  createAccount,
  deleteAccount,
  getAccount,
  getViewer,
  listAccounts,
  updateAccount,
} from '../../domain/tenancy/account.js';
import { builder } from '../builder/builder.js';
import { loadAccountName, loadPlanOfAccount } from '../builder/loaders.js';
import { AccountNameRef, AccountRef, NodeRef, PlanRef } from '../builder/refs.js';
import { type RefusalCode, refusable, resultOf } from '../builder/refusals.js';
import { PlanUsageRef } from './environment.js';

AccountNameRef.implement({
  description: 'An account as far as others may know it.',
  fields: (t) => ({
    // Not `id`: that is the id of the type Account, which shows more.
    accountId: t.expose('id', { type: 'UUID', description: 'The account’s id.' }),
    name: t.string({
      description: 'The account’s name.',
      resolve: async ({ id, name }, _, ctx) => name ?? (await loadAccountName(ctx, id)).name,
    }),
  }),
});

const AccountRoleRef = builder.enumType('AccountRole', {
  description: 'A role of an account in the whole service; none of them opens other accounts’ secrets.',
  values: { ADMIN: { value: 'admin', description: 'Manages accounts and plans.' } } as const satisfies Record<
    string,
    { value: AccountRole; description: string }
  >,
});

AccountRef.implement({
  description: 'An account: owns applications, is given roles by shares. Known to itself and to admins.',
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique.' }),
    email: t.exposeString('email', {
      nullable: true,
      description: 'Unique, in lower case; null without one. Golem’s tools may name the account by it.',
    }),
    roles: t.field({
      type: [AccountRoleRef],
      description: 'Its roles in the whole service.',
      resolve: (account) => account.roles as AccountRole[],
    }),
    plan: t.field({
      type: PlanRef,
      description: 'The limits it lives under.',
      resolve: (account, _, ctx) => loadPlanOfAccount(ctx, account.id),
    }),
    environmentUsage: t.field({
      type: PlanUsageRef,
      description: 'Its environments against its plan.',
      resolve: async (account, _, ctx) => ({
        used: account.environmentCount,
        limit: (await loadPlanOfAccount(ctx, account.id)).maxEnvironments,
      }),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
  }),
});

const AccountEdge = builder.edgeObject({
  type: AccountRef,
  name: 'AccountEdge',
  description: 'An account and its place in the list.',
});

builder.queryFields((t) => ({
  viewer: t.field({
    type: AccountRef,
    nullable: true,
    description: 'The caller’s own account.',
    resolve: (_, __, ctx) => getViewer(ctx),
  }),
  account: t.field({
    type: AccountRef,
    nullable: true,
    description: 'An account by its id: the caller’s own, or any for admins.',
    args: { id: t.arg({ type: 'UUID', required: true, description: 'The account’s id.' }) },
    resolve: (_, { id }, ctx) => getAccount(ctx, id),
  }),
  accounts: t.connection(
    {
      type: AccountRef,
      nullable: true,
      description: 'All accounts, oldest first. Account role: admin.',
      resolve: (_, args, ctx) => listAccounts(ctx, args),
    },
    { name: 'AccountConnection', description: 'A page of accounts.' },
    AccountEdge,
  ),
}));

const Created = builder.objectRef<CreatedAccount>('CreateAccountPayload').implement({
  description: 'A new account and its first token.',
  fields: (t) => ({
    account: t.expose('account', { type: AccountRef, description: 'The account.' }),
    accountEdge: t.field({
      type: AccountEdge,
      description: 'The account in the list of all, for clients that add it to a list themselves.',
      resolve: ({ account }) => accountEdge(account),
    }),
    secret: t.exposeString('secret', {
      description: 'The secret of its first token, shown this once; without it nobody could use the account.',
    }),
  }),
});

const Updated = builder.objectRef<Account>('UpdateAccountPayload').implement({
  description: 'An account that was changed.',
  fields: (t) => ({
    account: t.field({ type: AccountRef, description: 'The account as it is now.', resolve: (account) => account }),
  }),
});

const Deleted = builder.objectRef<Account>('DeleteAccountPayload').implement({
  description: 'An account that was deleted.',
  fields: (t) => ({
    deletedId: t.exposeID('id', {
      description: 'The id of the account, for clients that take it out of a list themselves.',
    }),
  }),
});

const CreateInput = builder.inputType('CreateAccountInput', {
  description: 'A new account.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 64 letters, digits, `-`, `_` or `.`.' }),
    email: t.string({ description: 'Its email, in ASCII; none unless told. Kept in lower case.' }),
    roles: t.field({ type: [AccountRoleRef], description: 'Roles in the whole service; none unless told.' }),
    planId: t.field({ type: 'ID', description: 'Its plan; the one named `default` unless told.' }),
  }),
});
const UpdateInput = builder.inputType('UpdateAccountInput', {
  description: 'A change of an account; what is absent stays.',
  fields: (t) => ({
    id: t.field({ type: 'ID', required: true, description: 'Which account.' }),
    email: t.string({
      description: 'Its email from now on, null for none; ALREADY_EXISTS when another account has it.',
    }),
    roles: t.field({ type: [AccountRoleRef], description: 'Its roles from now on.' }),
    planId: t.field({ type: 'ID', description: 'Its plan from now on.' }),
  }),
});
const DeleteInput = builder.inputType('DeleteAccountInput', {
  description: 'A deletion of an account.',
  fields: (t) => ({ id: t.field({ type: 'ID', required: true, description: 'Which account.' }) }),
});

const CREATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS'] as const satisfies RefusalCode[];
const UPDATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS'] as const satisfies RefusalCode[];
const DELETE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];

builder.mutationFields((t) => ({
  createAccount: t.field({
    type: resultOf('CreateAccountResult', Created, CREATE_REFUSALS),
    nullable: true,
    description: 'Creates an account with a first token. Account role: admin.',
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The account.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, CREATE_REFUSALS, () => createAccount(ctx, input)),
  }),
  updateAccount: t.field({
    type: resultOf('UpdateAccountResult', Updated, UPDATE_REFUSALS),
    nullable: true,
    description: 'Changes the email, the roles or the plan of an account. Account role: admin.',
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, UPDATE_REFUSALS, () => updateAccount(ctx, input)),
  }),
  deleteAccount: t.field({
    type: resultOf('DeleteAccountResult', Deleted, DELETE_REFUSALS),
    nullable: true,
    description: 'Deletes another account with all it owns. Account role: admin.',
    args: { input: t.arg({ type: DeleteInput, required: true, description: 'Which one.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, DELETE_REFUSALS, () => deleteAccount(ctx, input)),
  }),
}));
