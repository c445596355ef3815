// Ids as they are written in both doors: 32 hexadecimal digits in five groups.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The UUID in lower case, as it is stored and answered; undefined for anything else. */
export function uuidFrom(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}

const DIGITS = Buffer.from('0123456789abcdef');
const printed = Buffer.alloc(36, '-');
/** Where each of the 16 bytes stands in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/**
 * The text of an id, in one piece. Put together digit by digit it would stay the tree of its pieces, which the garbage
 * collector has to walk for as long as the id is kept: that cost a by-id read 5 % (an id waits in the read audit).
 */
export function uuidText(bytes: Uint8Array): string {
  PLACES.forEach((place, index) => {
    const byte = bytes[index] as number;
    printed[place] = DIGITS[byte >> 4] as number;
    printed[place + 1] = DIGITS[byte & 15] as number;
  });
  return printed.toString('latin1');
}
