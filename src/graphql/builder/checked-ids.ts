// Arguments of type ID are checked to be UUIDs, and put into lower case, before their field is resolved. ID is the type
// that clients know of `id` and of `node`; the scalar itself takes any text.
import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isUnionType,
} from 'graphql';
import { actorOf } from '../../domain/request/actor.js';
import type { Context } from '../../domain/request/context.js';
import type { AppError } from '../../errors/errors.js';
import { invalidRequest } from '../../errors/refusals.js';
import { EXAMPLE_UUID, uuidFrom } from '../../ids/uuid.js';
import { Refused } from './refusals.js';

/** Fields whose ids have other forms as well, and that answer null for those of none. */
const ANY_ID = new Set(['node', 'nodes']);

/** Puts the ids in a value into lower case and adds the places of those that are none. */
type Check = (holder: Record<string, unknown>, key: string, place: string, bad: string[]) => void;

/** The schema, in which all arguments of type ID are checked. A field without one is left as it is. */
export function checkingIds(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!('getFields' in type) || isInputObjectType(type)) continue;
    for (const field of Object.values((type as GraphQLObjectType).getFields())) checkIdsOf(field);
  }
  return schema;
}

function checkIdsOf(field: GraphQLField<unknown, Context>): void {
  const checks = ANY_ID.has(field.name) ? [] : field.args.map(({ name, type }) => [name, checkOf(type)] as const);
  const needed = checks.filter((one): one is readonly [string, Check] => one[1] !== undefined);
  if (needed.length === 0) return;
  /** Undefined when all are ids. */
  const refusal = (args: Record<string, unknown>, ctx: Context): AppError | undefined => {
    const bad: string[] = [];
    for (const [name, check] of needed) check(args, name, name, bad);
    if (bad.length === 0) return undefined;
    // The credential is checked first, so that unauthenticated callers learn nothing else.
    actorOf(ctx);
    return invalidRequest(...bad.map((place) => `${place}: expected an id, a UUID such as ${EXAMPLE_UUID}`));
  };
  const result = getNamedType(field.type);
  const asData = isUnionType(result) && result.getTypes().some(({ name }) => name === 'InvalidRequest');
  const { resolve, subscribe } = field;
  if (subscribe) {
    field.subscribe = (source, args, ctx, info) => {
      const error = refusal(args, ctx);
      if (error) throw error;
      return subscribe(source, args, ctx, info);
    };
    return;
  }
  if (!resolve) return;
  field.resolve = (source, args, ctx, info) => {
    const error = refusal(args, ctx);
    if (!error) return resolve(source, args, ctx, info);
    if (asData) return new Refused(error);
    throw error;
  };
}

function checkOf(type: GraphQLInputType, seen: readonly GraphQLInputType[] = []): Check | undefined {
  if (isNonNullType(type)) return checkOf(type.ofType, seen);
  if (isListType(type)) {
    const check = checkOf(type.ofType, seen);
    if (!check) return undefined;
    return (holder, key, place, bad) => {
      const list = holder[key];
      if (!Array.isArray(list)) return;
      for (const index of list.keys()) check(list as never, String(index), `${place}[${index}]`, bad);
    };
  }
  if (isInputObjectType(type)) {
    if (seen.includes(type)) return undefined;
    const fields = Object.values(type.getFields()).flatMap(({ name, type: inner }) => {
      const check = checkOf(inner, [...seen, type]);
      return check ? [[name, check] as const] : [];
    });
    if (fields.length === 0) return undefined;
    return (holder, key, place, bad) => {
      const object = holder[key];
      if (object == null) return;
      for (const [name, check] of fields) check(object as Record<string, unknown>, name, `${place}.${name}`, bad);
    };
  }
  return type.name === 'ID' ? checkId : undefined;
}

function checkId(holder: Record<string, unknown>, key: string, place: string, bad: string[]): void {
  const text = holder[key];
  if (text == null) return;
  const id = uuidFrom(text as string);
  if (id === undefined) bad.push(place);
  else if (id !== text) holder[key] = id;
}
