// Where a literal stands in a document: the argument, and the way into it, such as `input.path[1]`.
import { type ASTNode, type DocumentNode, Kind, visit } from 'graphql';

/** The place of the node; undefined when it stands in no argument and no default value. */
export function placeOf(node: ASTNode | undefined, document: DocumentNode): string | undefined {
  let place: string | undefined;
  if (!node) return undefined;
  const way: ASTNode[] = [];
  visit(document, {
    enter(current) {
      way.push(current);
      if (current !== node) return undefined;
      place = textOf(way);
      return undefined;
    },
    leave() {
      way.pop();
    },
  });
  return place;
}

function textOf(way: readonly ASTNode[]): string | undefined {
  let text: string | undefined;
  for (const [index, node] of way.entries()) {
    const parent = way[index - 1];
    if (node.kind === Kind.ARGUMENT) text = node.name.value;
    else if (node.kind === Kind.VARIABLE_DEFINITION) text = `$${node.variable.name.value}`;
    else if (node.kind === Kind.OBJECT_FIELD && text !== undefined) text += `.${node.name.value}`;
    else if (parent?.kind === Kind.LIST && text !== undefined) text += `[${parent.values.indexOf(node as never)}]`;
  }
  return text;
}
