/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What a write did to a secret. */
export type AgentSecretChangeKind =
  /** It came into being. */
  | 'CREATED'
  /** It was deleted. */
  | 'DELETED'
  /** It went back to the value of an old revision, perhaps out of deletion. */
  | 'RESTORED'
  /** Its value was set, or kept while the revision grew. */
  | 'UPDATED'
  /** The value of an old revision, `destroyedRevision`, was erased for good. */
  | 'VALUE_DESTROYED'
  /** Its value was unset. */
  | 'VALUE_REMOVED';

/** A new secret. */
export type CreateAgentSecretInput = {
  /** Where. */
  environmentId: string;
  /** Makes the write safe to repeat for 24 hours: the same request with the same key answers what the first one did, from any credential of the account that may see the same values. 1 to 255 visible ASCII characters, the caller’s own choice. */
  idempotencyKey?: string | null | undefined;
  /** 1 to 16 segments in any casing; converted to canonical form, in which they are unique. */
  path: Array<string>;
  /** Its type, for good. */
  secretType: import('../json/exact.js').JsonValue;
  /** Its value; absent or null: a secret without a value. */
  secretValue?: import('../json/exact.js').JsonValue | null | undefined;
  /** The value as exact JSON text instead; give only one of the two. */
  secretValueText?: string | null | undefined;
};

/** A new application. */
export type CreateApplicationInput = {
  /** In which account: the caller’s own, as when absent; the error ACCOUNT_NOT_FOUND for any other. */
  accountId?: string | number | null | undefined;
  /** 1 to 64 letters, digits, `-`, `_` or `.`. */
  name: string;
};

/** A new environment. */
export type CreateEnvironmentInput = {
  /** In which application of the caller’s. */
  applicationId: string | number;
  /** Settings for Golem’s tools. */
  golem?: GolemSettingsInput | null | undefined;
  /** 1 to 64 letters, digits, `-`, `_` or `.`. */
  name: string;
};

/** A deletion of a secret. */
export type DeleteAgentSecretInput = {
  /** The revision the caller has seen. */
  currentRevision: import('../json/exact.js').JsonNumber | bigint;
  /** Which secret. */
  id: string;
  /** Makes the write safe to repeat for 24 hours: the same request with the same key answers what the first one did, from any credential of the account that may see the same values. 1 to 255 visible ASCII characters, the caller’s own choice. */
  idempotencyKey?: string | null | undefined;
};

/** Permanent codes of refusals: `extensions.code` of errors, `code` of refusals and of REST bodies. */
export type ErrorCode =
  /** No such account for this caller. */
  | 'ACCOUNT_NOT_FOUND'
  /** The environment has a secret at this path already. */
  | 'AGENT_SECRET_ALREADY_EXISTS'
  /** No such secret for this caller. */
  | 'AGENT_SECRET_NOT_FOUND'
  /** The secret has no such revision. */
  | 'AGENT_SECRET_REVISION_NOT_FOUND'
  /** The value of this revision was erased for good. */
  | 'AGENT_SECRET_VALUE_DESTROYED'
  /** The value does not fit the secret’s type; `problems` says where. */
  | 'AGENT_SECRET_VALUE_TYPE_MISMATCH'
  /** What is stored as the value cannot be opened; `agentSecretIds` names the secrets. Others are not concerned. */
  | 'AGENT_SECRET_VALUE_UNREADABLE'
  /** The name is taken. */
  | 'ALREADY_EXISTS'
  /** No such application for this caller. */
  | 'APPLICATION_NOT_FOUND'
  /** The caller may know of it, but may not do this. */
  | 'AUTH_FORBIDDEN'
  /** No valid credential. */
  | 'AUTH_UNAUTHORIZED'
  /** The log no longer has what the stream has told: the database went back. Read the secrets anew, then watch from now on. */
  | 'CHANGE_HISTORY_LOST'
  /** Somebody else wrote first; read again, then decide. */
  | 'CONCURRENT_UPDATE'
  /** The environment’s key cannot be opened, so that no value can be sealed; whoever runs the service has to look after its master keys. */
  | 'ENVIRONMENT_KEY_UNREADABLE'
  /** No such environment for this caller. */
  | 'ENVIRONMENT_NOT_FOUND'
  /** No such share for this caller. */
  | 'ENVIRONMENT_SHARE_NOT_FOUND'
  /** The idempotency key belongs to another request. */
  | 'IDEMPOTENCY_KEY_REUSED'
  /** A fault of this service; it is logged. */
  | 'INTERNAL_UNKNOWN'
  /** The request or its input is not acceptable; `problems` says where. */
  | 'INVALID_REQUEST'
  /** A limit is reached: of the account’s plan, or a fixed one. */
  | 'LIMIT_EXCEEDED'
  /** The address takes other HTTP methods. */
  | 'METHOD_NOT_ALLOWED'
  /** There is nothing at this address. */
  | 'NOT_FOUND'
  /** The body is larger than this service takes. */
  | 'PAYLOAD_TOO_LARGE'
  /** No document of this hash is known here: send the document along. */
  | 'PERSISTED_QUERY_NOT_FOUND'
  /** There are no persisted documents here: send documents, and no hashes. */
  | 'PERSISTED_QUERY_NOT_SUPPORTED'
  /** No such plan for this caller. */
  | 'PLAN_NOT_FOUND'
  /** Too many requests; wait for `Retry-After`. */
  | 'RATE_LIMITED'
  /** The answer would be larger than MAX_RESPONSE_BYTES; ask for less at a time. */
  | 'RESPONSE_TOO_LARGE'
  /** No such token for this caller. */
  | 'TOKEN_NOT_FOUND'
  /** The database cannot be reached just now; try again later. */
  | 'UNAVAILABLE'
  /** The body is not declared as JSON in UTF-8. */
  | 'UNSUPPORTED_MEDIA_TYPE';

/** Settings that Golem’s tools keep with an environment; false unless told. They have no effect here. */
export type GolemSettingsInput = {
  /** As Golem’s tools mean it. */
  compatibilityCheck?: boolean | null | undefined;
  /** As Golem’s tools mean it. */
  securityOverrides?: boolean | null | undefined;
  /** As Golem’s tools mean it. */
  versionCheck?: boolean | null | undefined;
};

/** A role in an environment. */
export type Role =
  /** By share: secrets, shares and settings. */
  | 'ADMIN'
  /** By share: secrets. */
  | 'DEPLOYER'
  /** The account that owns the application: everything. */
  | 'OWNER'
  /** By share: the environment’s own fields, nothing about secrets. */
  | 'VIEWER';

/** A change of a secret’s value. */
export type SecretValueChange = {
  /** Set or unset. */
  op: SecretValueOp;
  /** The new value, for SET. */
  value?: import('../json/exact.js').JsonValue | null | undefined;
  /** The new value as exact JSON text instead; give only one of the two. */
  valueText?: string | null | undefined;
};

/** What an update does to the value. */
export type SecretValueOp =
  /** Replace it by `value` or `valueText`; null is a value, which fits Option types only. */
  | 'SET'
  /** Remove it. */
  | 'UNSET';

/** A change of a secret. */
export type UpdateAgentSecretInput = {
  /** The revision the caller has seen; refused when the secret has moved on. */
  currentRevision: import('../json/exact.js').JsonNumber | bigint;
  /** Which secret. */
  id: string;
  /** Makes the write safe to repeat for 24 hours: the same request with the same key answers what the first one did, from any credential of the account that may see the same values. 1 to 255 visible ASCII characters, the caller’s own choice. */
  idempotencyKey?: string | null | undefined;
  /** Absent or null: the value is kept, and the revision still grows by one. */
  secretValue?: SecretValueChange | null | undefined;
};

/** What there is of a value. */
export type ValueState =
  /** None is set. */
  | 'ABSENT'
  /** There was one, which has been erased for good. */
  | 'DESTROYED'
  /** A value; an Option set to none is one. */
  | 'PRESENT';

export type GolemApplicationFragment = { id: string, accountId: string, name: string };

export type GolemEnvironmentFragment = { id: string, name: string, myRoles: Array<Role>, golem: { accountId: string, accountName: string, accountEmail: string, applicationId: string, applicationName: string, compatibilityCheck: boolean, versionCheck: boolean, securityOverrides: boolean } };

export type CurrentLoginTokenQueryVariables = Exact<{ [key: string]: never; }>;


export type CurrentLoginTokenQuery = { currentToken: { id: string, accountId: string, createdAt: string, expiresAt: string | null } | null };

export type ListVisibleEnvironmentsQueryVariables = Exact<{
  account?: string | null | undefined;
  application?: string | null | undefined;
  name?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type ListVisibleEnvironmentsQuery = { visibleEnvironments: { edges: Array<{ node: { id: string, name: string, myRoles: Array<Role>, golem: { accountId: string, accountName: string, accountEmail: string, applicationId: string, applicationName: string, compatibilityCheck: boolean, versionCheck: boolean, securityOverrides: boolean } } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type GetAccountApplicationQueryVariables = Exact<{
  accountId: string;
  name: string;
}>;


export type GetAccountApplicationQuery = { application: { id: string, accountId: string, name: string } | null };

export type CreateApplicationMutationVariables = Exact<{
  input: CreateApplicationInput;
}>;


export type CreateApplicationMutation = { createApplication:
    | { code: ErrorCode, message: string }
    | { application: { id: string, accountId: string, name: string } }
    | { problems: Array<string>, code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
   | null };

export type GetApplicationEnvironmentQueryVariables = Exact<{
  applicationId: string;
  name: string;
}>;


export type GetApplicationEnvironmentQuery = { environment: { id: string, name: string, myRoles: Array<Role>, golem: { accountId: string, accountName: string, accountEmail: string, applicationId: string, applicationName: string, compatibilityCheck: boolean, versionCheck: boolean, securityOverrides: boolean } } | null };

export type CreateEnvironmentMutationVariables = Exact<{
  input: CreateEnvironmentInput;
}>;


export type CreateEnvironmentMutation = { createEnvironment:
    | { code: ErrorCode, message: string }
    | { environment: { id: string, name: string, myRoles: Array<Role>, golem: { accountId: string, accountName: string, accountEmail: string, applicationId: string, applicationName: string, compatibilityCheck: boolean, versionCheck: boolean, securityOverrides: boolean } } }
    | { problems: Array<string>, code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
   | null };

export type SecretFragment = { document: import('../json/exact.js').RawJson | null };

type Written_CreateAgentSecretPayload_Fragment = { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } };

type Written_DeleteAgentSecretPayload_Fragment = { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } };

type Written_DestroyAgentSecretRevisionPayload_Fragment = { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } };

type Written_RestoreAgentSecretPayload_Fragment = { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } };

type Written_UpdateAgentSecretPayload_Fragment = { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } };

export type WrittenFragment =
  | Written_CreateAgentSecretPayload_Fragment
  | Written_DeleteAgentSecretPayload_Fragment
  | Written_DestroyAgentSecretRevisionPayload_Fragment
  | Written_RestoreAgentSecretPayload_Fragment
  | Written_UpdateAgentSecretPayload_Fragment
;

type Refused_AgentSecretAlreadyExists_Fragment = { code: ErrorCode, message: string };

type Refused_AgentSecretNotFound_Fragment = { code: ErrorCode, message: string };

type Refused_AgentSecretRevisionNotFound_Fragment = { code: ErrorCode, message: string };

type Refused_AgentSecretValueDestroyed_Fragment = { code: ErrorCode, message: string };

type Refused_AgentSecretValueTypeMismatch_Fragment = { problems: Array<string>, code: ErrorCode, message: string };

type Refused_AlreadyExists_Fragment = { code: ErrorCode, message: string };

type Refused_ConcurrentUpdate_Fragment = { code: ErrorCode, message: string };

type Refused_IdempotencyKeyReused_Fragment = { code: ErrorCode, message: string };

type Refused_InvalidRequest_Fragment = { problems: Array<string>, code: ErrorCode, message: string };

type Refused_LimitExceeded_Fragment = { code: ErrorCode, message: string };

export type RefusedFragment =
  | Refused_AgentSecretAlreadyExists_Fragment
  | Refused_AgentSecretNotFound_Fragment
  | Refused_AgentSecretRevisionNotFound_Fragment
  | Refused_AgentSecretValueDestroyed_Fragment
  | Refused_AgentSecretValueTypeMismatch_Fragment
  | Refused_AlreadyExists_Fragment
  | Refused_ConcurrentUpdate_Fragment
  | Refused_IdempotencyKeyReused_Fragment
  | Refused_InvalidRequest_Fragment
  | Refused_LimitExceeded_Fragment
;

export type ListEnvironmentAgentSecretsQueryVariables = Exact<{
  environmentId: string;
}>;


export type ListEnvironmentAgentSecretsQuery = { environment: { agentSecretsTag: string | null, agentSecretDocuments: import('../json/exact.js').RawJson[] | null } | null };

export type FindEnvironmentAgentSecretQueryVariables = Exact<{
  environmentId: string;
  path: string;
}>;


export type FindEnvironmentAgentSecretQuery = { environment: { agentSecretsTag: string | null, agentSecret: { document: import('../json/exact.js').RawJson | null } | null } | null };

export type TagEnvironmentAgentSecretsQueryVariables = Exact<{
  environmentId: string;
}>;


export type TagEnvironmentAgentSecretsQuery = { environment: { agentSecretsTag: string | null } | null };

export type WatchAgentSecretChangesSubscriptionVariables = Exact<{
  environmentId: string;
  afterEventId?: string | null | undefined;
}>;


export type WatchAgentSecretChangesSubscription = { agentSecretChanges: { environmentRevision: bigint, changes: Array<{ environmentRevision: bigint, revision: bigint, change: AgentSecretChangeKind, at: string, valueState: ValueState, agentSecretId: string, path: Array<string>, by: { accountId: string } }> } | null };

export type CreateAgentSecretMutationVariables = Exact<{
  input: CreateAgentSecretInput;
}>;


export type CreateAgentSecretMutation = { createAgentSecret:
    | { code: ErrorCode, message: string }
    | { problems: Array<string>, code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } }
    | { code: ErrorCode, message: string }
    | { problems: Array<string>, code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
   | null };

export type GetAgentSecretQueryVariables = Exact<{
  id: string;
}>;


export type GetAgentSecretQuery = { agentSecret: { document: import('../json/exact.js').RawJson | null } | null };

export type UpdateAgentSecretMutationVariables = Exact<{
  input: UpdateAgentSecretInput;
}>;


export type UpdateAgentSecretMutation = { updateAgentSecret:
    | { problems: Array<string>, code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { problems: Array<string>, code: ErrorCode, message: string }
    | { code: ErrorCode, message: string }
    | { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } }
   | null };

export type DeleteAgentSecretMutationVariables = Exact<{
  input: DeleteAgentSecretInput;
}>;


export type DeleteAgentSecretMutation = { deleteAgentSecret:
    | { code: ErrorCode, message: string }
    | { agentSecretRevision: { document: import('../json/exact.js').RawJson | null } }
    | { code: ErrorCode, message: string }
    | { problems: Array<string>, code: ErrorCode, message: string }
   | null };

export const GolemApplicationFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GolemApplication"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Application"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]} as unknown as DocumentNode<GolemApplicationFragment, unknown>;
export const GolemEnvironmentFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GolemEnvironment"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"myRoles"}},{"kind":"Field","name":{"kind":"Name","value":"golem"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"accountName"}},{"kind":"Field","name":{"kind":"Name","value":"accountEmail"}},{"kind":"Field","name":{"kind":"Name","value":"applicationId"}},{"kind":"Field","name":{"kind":"Name","value":"applicationName"}},{"kind":"Field","name":{"kind":"Name","value":"compatibilityCheck"}},{"kind":"Field","name":{"kind":"Name","value":"versionCheck"}},{"kind":"Field","name":{"kind":"Name","value":"securityOverrides"}}]}}]}}]} as unknown as DocumentNode<GolemEnvironmentFragment, unknown>;
export const SecretFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Secret"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecret"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"document"}}]}}]} as unknown as DocumentNode<SecretFragment, unknown>;
export const WrittenFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Written"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretRevision"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"document"}}]}}]}}]} as unknown as DocumentNode<WrittenFragment, unknown>;
export const RefusedFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Refused"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Refusal"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidRequest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretValueTypeMismatch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}}]}}]} as unknown as DocumentNode<RefusedFragment, unknown>;
export const CurrentLoginTokenDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"CurrentLoginToken"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"currentToken"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}}]}}]} as unknown as DocumentNode<CurrentLoginTokenQuery, CurrentLoginTokenQueryVariables>;
export const ListVisibleEnvironmentsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ListVisibleEnvironments"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"account"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"application"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"name"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"visibleEnvironments"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"account"},"value":{"kind":"Variable","name":{"kind":"Name","value":"account"}}},{"kind":"Argument","name":{"kind":"Name","value":"application"},"value":{"kind":"Variable","name":{"kind":"Name","value":"application"}}},{"kind":"Argument","name":{"kind":"Name","value":"name"},"value":{"kind":"Variable","name":{"kind":"Name","value":"name"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"200"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"GolemEnvironment"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GolemEnvironment"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"myRoles"}},{"kind":"Field","name":{"kind":"Name","value":"golem"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"accountName"}},{"kind":"Field","name":{"kind":"Name","value":"accountEmail"}},{"kind":"Field","name":{"kind":"Name","value":"applicationId"}},{"kind":"Field","name":{"kind":"Name","value":"applicationName"}},{"kind":"Field","name":{"kind":"Name","value":"compatibilityCheck"}},{"kind":"Field","name":{"kind":"Name","value":"versionCheck"}},{"kind":"Field","name":{"kind":"Name","value":"securityOverrides"}}]}}]}}]} as unknown as DocumentNode<ListVisibleEnvironmentsQuery, ListVisibleEnvironmentsQueryVariables>;
export const GetAccountApplicationDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GetAccountApplication"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"accountId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UUID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"name"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"application"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"accountId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"accountId"}}},{"kind":"Argument","name":{"kind":"Name","value":"name"},"value":{"kind":"Variable","name":{"kind":"Name","value":"name"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"GolemApplication"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GolemApplication"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Application"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]} as unknown as DocumentNode<GetAccountApplicationQuery, GetAccountApplicationQueryVariables>;
export const CreateApplicationDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateApplication"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateApplicationInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createApplication"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CreateApplicationPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"application"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"GolemApplication"}}]}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"Refused"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GolemApplication"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Application"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Refused"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Refusal"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidRequest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretValueTypeMismatch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}}]}}]} as unknown as DocumentNode<CreateApplicationMutation, CreateApplicationMutationVariables>;
export const GetApplicationEnvironmentDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GetApplicationEnvironment"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"applicationId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UUID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"name"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"environment"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"applicationId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"applicationId"}}},{"kind":"Argument","name":{"kind":"Name","value":"name"},"value":{"kind":"Variable","name":{"kind":"Name","value":"name"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"GolemEnvironment"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GolemEnvironment"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"myRoles"}},{"kind":"Field","name":{"kind":"Name","value":"golem"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"accountName"}},{"kind":"Field","name":{"kind":"Name","value":"accountEmail"}},{"kind":"Field","name":{"kind":"Name","value":"applicationId"}},{"kind":"Field","name":{"kind":"Name","value":"applicationName"}},{"kind":"Field","name":{"kind":"Name","value":"compatibilityCheck"}},{"kind":"Field","name":{"kind":"Name","value":"versionCheck"}},{"kind":"Field","name":{"kind":"Name","value":"securityOverrides"}}]}}]}}]} as unknown as DocumentNode<GetApplicationEnvironmentQuery, GetApplicationEnvironmentQueryVariables>;
export const CreateEnvironmentDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateEnvironment"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateEnvironmentInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createEnvironment"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CreateEnvironmentPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"environment"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"GolemEnvironment"}}]}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"Refused"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"GolemEnvironment"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"myRoles"}},{"kind":"Field","name":{"kind":"Name","value":"golem"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accountId"}},{"kind":"Field","name":{"kind":"Name","value":"accountName"}},{"kind":"Field","name":{"kind":"Name","value":"accountEmail"}},{"kind":"Field","name":{"kind":"Name","value":"applicationId"}},{"kind":"Field","name":{"kind":"Name","value":"applicationName"}},{"kind":"Field","name":{"kind":"Name","value":"compatibilityCheck"}},{"kind":"Field","name":{"kind":"Name","value":"versionCheck"}},{"kind":"Field","name":{"kind":"Name","value":"securityOverrides"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Refused"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Refusal"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidRequest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretValueTypeMismatch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}}]}}]} as unknown as DocumentNode<CreateEnvironmentMutation, CreateEnvironmentMutationVariables>;
export const ListEnvironmentAgentSecretsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ListEnvironmentAgentSecrets"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UUID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"environment"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretsTag"}},{"kind":"Field","name":{"kind":"Name","value":"agentSecretDocuments"}}]}}]}}]} as unknown as DocumentNode<ListEnvironmentAgentSecretsQuery, ListEnvironmentAgentSecretsQueryVariables>;
export const FindEnvironmentAgentSecretDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"FindEnvironmentAgentSecret"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UUID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"path"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"environment"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretsTag"}},{"kind":"Field","name":{"kind":"Name","value":"agentSecret"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"pathText"},"value":{"kind":"Variable","name":{"kind":"Name","value":"path"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"document"}}]}}]}}]}}]} as unknown as DocumentNode<FindEnvironmentAgentSecretQuery, FindEnvironmentAgentSecretQueryVariables>;
export const TagEnvironmentAgentSecretsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"TagEnvironmentAgentSecrets"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UUID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"environment"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretsTag"}}]}}]}}]} as unknown as DocumentNode<TagEnvironmentAgentSecretsQuery, TagEnvironmentAgentSecretsQueryVariables>;
export const WatchAgentSecretChangesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"WatchAgentSecretChanges"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UUID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"afterEventId"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretChanges"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"environmentId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"environmentId"}}},{"kind":"Argument","name":{"kind":"Name","value":"afterEventId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"afterEventId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"environmentRevision"}},{"kind":"Field","name":{"kind":"Name","value":"changes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"environmentRevision"}},{"kind":"Field","name":{"kind":"Name","value":"revision"}},{"kind":"Field","name":{"kind":"Name","value":"change"}},{"kind":"Field","name":{"kind":"Name","value":"at"}},{"kind":"Field","name":{"kind":"Name","value":"valueState"}},{"kind":"Field","name":{"kind":"Name","value":"agentSecretId"}},{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"by"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accountId"}}]}}]}}]}}]}}]} as unknown as DocumentNode<WatchAgentSecretChangesSubscription, WatchAgentSecretChangesSubscriptionVariables>;
export const CreateAgentSecretDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateAgentSecret"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateAgentSecretInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createAgentSecret"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Written"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"Refused"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Written"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretRevision"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"document"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Refused"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Refusal"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidRequest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretValueTypeMismatch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}}]}}]} as unknown as DocumentNode<CreateAgentSecretMutation, CreateAgentSecretMutationVariables>;
export const GetAgentSecretDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GetAgentSecret"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UUID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecret"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Secret"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Secret"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecret"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"document"}}]}}]} as unknown as DocumentNode<GetAgentSecretQuery, GetAgentSecretQueryVariables>;
export const UpdateAgentSecretDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateAgentSecret"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateAgentSecretInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateAgentSecret"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Written"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"Refused"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Written"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretRevision"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"document"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Refused"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Refusal"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidRequest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretValueTypeMismatch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}}]}}]} as unknown as DocumentNode<UpdateAgentSecretMutation, UpdateAgentSecretMutationVariables>;
export const DeleteAgentSecretDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"DeleteAgentSecret"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DeleteAgentSecretInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deleteAgentSecret"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Written"}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"Refused"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Written"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"agentSecretRevision"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"document"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Refused"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Refusal"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidRequest"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"AgentSecretValueTypeMismatch"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"}}]}}]}}]} as unknown as DocumentNode<DeleteAgentSecretMutation, DeleteAgentSecretMutationVariables>;