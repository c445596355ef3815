// JSON text that was printed while its value was made. A long one stays in pieces, so that it never stands in memory as
// one string, and is sent piece by piece.
import { JsonList } from './json-list.js';

/** Pieces of text have about this many characters; a single string or number may be longer. */
export const PIECE = 32 * 1024;

export class JsonText {
  readonly pieces: (string | JsonList)[] = [];
  /** About how many characters all of it has. */
  length = 0;

  add(piece: string | JsonList | JsonText): void {
    if (piece instanceof JsonText) {
      for (const each of piece.pieces) this.pieces.push(each);
      this.length += piece.length;
    } else if (piece instanceof JsonList) {
      this.pieces.push(piece);
      this.length += piece.bytes;
    } else if (piece !== '') {
      this.pieces.push(piece);
      this.length += piece.length;
    }
  }
}
