// JSON text that was printed while its value was made. A long one stays in pieces, so that it never stands in memory as
// one string, and is sent piece by piece.
import { JsonList } from './json-list.js';

/** Pieces of text have about this many characters; a single string or number may be longer. */
export const PIECE = 32 * 1024;

/**
 * A long string that is printed when its turn to be sent comes: until then it is the string that others may share, and no
 * copy of it for each place it stands in.
 */
export class LongString {
  readonly value: string;

  constructor(value: string) {
    this.value = value;
  }
}

export type Piece = string | JsonList | LongString;

export class JsonText {
  readonly pieces: Piece[] = [];
  /** About how many characters all of it has. */
  length = 0;

  add(piece: Piece | JsonText): void {
    if (piece instanceof JsonText) {
      for (const each of piece.pieces) this.pieces.push(each);
      this.length += piece.length;
    } else if (piece instanceof JsonList) {
      this.pieces.push(piece);
      this.length += piece.bytes;
    } else if (piece instanceof LongString) {
      this.pieces.push(piece);
      this.length += piece.value.length + 2;
    } else if (piece !== '') {
      this.pieces.push(piece);
      this.length += piece.length;
    }
  }
}
