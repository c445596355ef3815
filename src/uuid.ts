// Ids as they are written in both doors: 32 hexadecimal digits in five groups.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The UUID in lower case, as it is stored and answered; undefined for anything else. */
export function uuidFrom(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}
