// The GraphQL interface AgentSecretState: what a secret is, was at a revision, or would be after a planned change.

import type { Context } from '../../domain/request/context.js';
import { type AgentSecret, isUnread, openSecretValue, valueStateOf } from '../../domain/secrets/agent-secret.js';
import { describeAnalysedType } from '../../domain/types/analysed-type.js';
import { analysedTypeFromText } from '../../domain/types/analysed-type-parse.js';
import { segmentsOf } from '../../domain/types/secret-path.js';
import { RawJson } from '../../json/exact.js';
import { printJson } from '../../json/print.js';
import { hasSliceTime, nextSlice } from '../../scheduling/time-slice.js';
import { builder } from '../builder/builder.js';
import { loadSecretType, loadStoredValue } from '../builder/loaders.js';
import { AgentSecretStateRef } from '../builder/refs.js';

const ValueStateRef = builder.enumType('ValueState', {
  description: 'What there is of a value.',
  values: {
    PRESENT: { description: 'A value; an Option set to none is one.' },
    ABSENT: { description: 'None is set.' },
    DESTROYED: { description: 'There was one, which has been erased for good.' },
  } as const,
});

AgentSecretStateRef.implement({
  description: 'A secret at one moment: as it is now, as one of its revisions left it, or as a change would leave it.',
  fields: (t) => ({
    path: t.stringList({
      description: 'Canonical path segments, each in lowerCamelCase.',
      resolve: (secret) => segmentsOf(secret.path),
    }),
    pathText: t.exposeString('path', { description: 'The canonical path joined by dots; unique in the environment.' }),
    revision: t.expose('revision', { type: 'Revision', description: '0 when created, + 1 with every write.' }),
    secretType: t.field({
      type: 'AnalysedType',
      description: 'The declared type as a canonical document.',
      resolve: (secret, _, ctx) => withType(ctx, secret, (type) => new RawJson(type)),
    }),
    secretTypeText: t.string({
      description: 'The declared type in readable form, e.g. `record { host: string, port: u16 }`.',
      resolve: (secret, _, ctx) => withType(ctx, secret, (type) => describedType(ctx, type)),
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
        'The value, opened because it is selected; null without a value, and for an Option set to none. The error AGENT_SECRET_VALUE_DESTROYED where it was erased, AGENT_SECRET_VALUE_UNREADABLE where it cannot be opened.',
      resolve: (secret, _, ctx) => withValue(ctx, secret, asRaw),
    }),
    secretValueText: t.string({
      nullable: true,
      description:
        'The value as exact JSON text, for clients whose JSON parser rounds large integers; null without one.',
      resolve: (secret, _, ctx) => withValue(ctx, secret, itself),
    }),
  }),
});

/**
 * A value that has been read is opened at once; the others are read together for the whole request. Returns a promise only
 * where the value is one, because each promise costs a list much.
 */
function withValue<T>(ctx: Context, secret: AgentSecret, show: (text: string | null) => T): T | Promise<T> {
  // The answer is refused as a whole: nothing more is worth any work.
  if (ctx.operation?.refusal) return show(null);
  if (isUnread(secret)) {
    // Counted before it is read: the list has told its size.
    ctx.operation?.answer(secret.leftOutBytes ?? 0);
    const counted = secret.leftOutBytes != null;
    return loadStoredValue(ctx, secret).then(
      (text) => show(counted ? text : answered(ctx, text)),
      (error: unknown) => show(failed(ctx, error)),
    );
  }
  try {
    const text = openSecretValue(ctx, secret);
    if (!(text instanceof Promise)) return show(answered(ctx, text));
    return text.then(
      (opened) => show(answered(ctx, opened)),
      (error: unknown) => show(failed(ctx, error)),
    );
  } catch (error) {
    return show(failed(ctx, error));
  }
}

/** Returns a promise only where a list has left the type out. */
function withType<T>(
  ctx: Context,
  { id, secretType }: AgentSecret,
  show: (type: string) => T | Promise<T>,
): T | Promise<T> {
  const shown = (type: string) => show(answered(ctx, type));
  if (secretType !== null) return shown(secretType);
  return leftOutType(ctx, id).then(shown, (error: unknown) => show(failed(ctx, error) ?? ''));
}

/** A type that a list has left out, read once in an operation, however many lists have it. */
function leftOutType(ctx: Context, id: string): Promise<string> {
  const { operation } = ctx;
  const known = operation?.types.get(id);
  if (known) return known;
  const type = loadSecretType(ctx, id);
  operation?.types.set(id, type);
  return type;
}

/** Longer ones are worked through when there is time for it. */
const SHORT_TYPE = 1_024;

/** A type in readable form; of a long one a promise. */
function describedType(ctx: Context, type: string): string | Promise<string> {
  // The answer is refused as a whole: nothing more is worth any work.
  if (ctx.operation?.refusal) return '';
  if (type.length <= SHORT_TYPE) return described(type);
  const known = ctx.operation?.describedTypes.get(type);
  if (known !== undefined) return known;
  const text = describedInSlice(ctx, type).catch((error: unknown) => failed(ctx, error) ?? '');
  ctx.operation?.describedTypes.set(type, text);
  return text;
}

async function describedInSlice(ctx: Context, type: string): Promise<string> {
  const wait = ctx.operation?.take(type.length);
  if (wait) await wait;
  while (!hasSliceTime()) await nextSlice(ctx.actor?.accountId);
  return described(type);
}

function described(type: string): string {
  return describeAnalysedType(analysedTypeFromText(type));
}

/** Counts a value that becomes a part of the answer, each time that it is selected. */
function answered<T extends string | null>(ctx: Context, text: T): T {
  if (text !== null && !ctx.operation?.refusal) ctx.operation?.answer(text.length);
  return text;
}

/**
 * Throws the error of one field, unless the operation is refused as a whole: an error for each of thousands of fields
 * would hold up everybody, and none of them is shown.
 */
function failed(ctx: Context, error: unknown): null {
  ctx.operation?.fail(error);
  if (ctx.operation?.refusal) return null;
  throw error;
}

function itself(text: string | null): string | null {
  return text;
}

function asRaw(text: string | null): RawJson | null {
  return text === null ? null : new RawJson(text);
}

/** The secret with its value opened, in one piece as REST answers it. */
export function openedDocument(ctx: Context, secret: AgentSecret): RawJson | Promise<RawJson> {
  return withType(ctx, secret, (secretType) =>
    withValue(ctx, secret, (value) => documentOf(secret.environmentId, { ...secret, secretType }, value)),
  );
}

/** Builds the document from the stored JSON texts. They are exact already, so they are not parsed and printed again. */
export function documentOf(
  environmentId: string,
  { id, path, revision, secretType }: Pick<AgentSecret, 'id' | 'path' | 'revision'> & { secretType: string },
  value: string | null,
): RawJson {
  // Splitting the JSON text at dots is safe, because no JSON escape sequence contains a dot.
  const segments = printJson(path).replaceAll('.', '","');
  return new RawJson(
    `{"id":"${id}","environmentId":"${environmentId}","path":[${segments}],"revision":${revision},"secretType":${secretType},"secretValue":${value}}`,
  );
}
