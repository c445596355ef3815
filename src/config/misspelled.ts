// Variables that nobody reads and that are nearly one of ours: most likely a slip, after which a default counts.

/** A warning for each of them. Values are not looked at. */
export function misspelled(given: Iterable<string>, known: readonly string[]): string[] {
  const ours = new Set(known);
  return [...given].flatMap((name) => {
    if (ours.has(name)) return [];
    const meant = known.find((other) => isNearly(name.toUpperCase(), other));
    return meant === undefined ? [] : [`${name} is not known and has no effect; did you mean ${meant}?`];
  });
}

/** Whether one letter more, one less, another one or two swapped ones make the texts equal, or nothing has to. */
function isNearly(text: string, other: string): boolean {
  const from = firstDifference(text, other);
  if (from === text.length && from === other.length) return true;
  const [rest, otherRest] = [text.slice(from), other.slice(from)];
  return (
    rest.slice(1) === otherRest.slice(1) ||
    rest.slice(1) === otherRest ||
    rest === otherRest.slice(1) ||
    (rest.slice(2) === otherRest.slice(2) && rest[0] === otherRest[1] && rest[1] === otherRest[0])
  );
}

function firstDifference(text: string, other: string): number {
  let at = 0;
  while (at < text.length && text[at] === other[at]) at += 1;
  return at;
}
