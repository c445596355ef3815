// A field that is selected very often in one place: the rule for fields that merge compares each with each other.
import { type DocumentNode, type GraphQLError, Kind, type SelectionSetNode, visit } from 'graphql';
import { invalidRequestError } from './errors.js';

/** How often one field, or one alias, may be selected in one place. */
export const MAX_REPETITIONS = 100;

/** The refusal of a document that selects a field too often in one place; inline fragments belong to the place. */
export function repetitionError(document: DocumentNode): GraphQLError | undefined {
  let isTooMuch = false;
  visit(document, {
    SelectionSet(set, _, parent) {
      const isInline = (parent as { kind?: string } | undefined)?.kind === Kind.INLINE_FRAGMENT;
      if (!isInline && mostRepeated(set, new Map()) > MAX_REPETITIONS) isTooMuch = true;
      return isTooMuch ? false : undefined;
    },
  });
  return isTooMuch
    ? invalidRequestError(`A field is selected more than ${MAX_REPETITIONS} times in one place.`)
    : undefined;
}

function mostRepeated({ selections }: SelectionSetNode, counts: Map<string, number>): number {
  let most = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      most = Math.max(most, mostRepeated(selection.selectionSet, counts));
    } else if (selection.kind === Kind.FIELD) {
      const name = (selection.alias ?? selection.name).value;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      most = Math.max(most, count);
    }
  }
  return most;
}
