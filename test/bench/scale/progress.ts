// Shows the progress of a long run: as a bar on a terminal, and otherwise as a line from time to time.

const WIDTH = 30;
const LINE_EVERY_MS = 10_000;
const BAR_EVERY_MS = 100;

export interface Progress {
  at(done: number): void;
  /** Prints the last line, with the time that the run has taken. */
  end(more?: string): void;
}

export function createProgress(what: string, total: number, out: NodeJS.WriteStream = process.stderr): Progress {
  const began = performance.now();
  const every = out.isTTY ? BAR_EVERY_MS : LINE_EVERY_MS;
  let next = began + every;
  const rate = (done: number) => (done * 1_000) / Math.max(1, performance.now() - began);
  return {
    at(done) {
      if (performance.now() < next) return;
      next = performance.now() + every;
      const left = Math.ceil((total - done) / rate(done));
      const text = `${count(done)} of ${count(total)} ${what}, ${count(rate(done))}/s, ${left} s left`;
      const filled = Math.round((WIDTH * done) / total);
      out.write(out.isTTY ? `\r\x1b[K[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${text}` : `${text}\n`);
    },
    end(more) {
      const seconds = Math.round((performance.now() - began) / 1_000);
      const text = `${count(total)} ${what} in ${seconds} s, ${count(rate(total))}/s${more ? `: ${more}` : ''}`;
      out.write(`${out.isTTY ? '\r\x1b[K' : ''}${text}\n`);
    },
  };
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en');
}
