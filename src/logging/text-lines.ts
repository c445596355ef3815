// Log lines for people: time, level, message, and the fields behind them.
import type { DestinationStream } from 'pino';

/** Takes lines of JSON, and passes them on as text. What is no plain word is printed as JSON, so a line stays a line. */
export function textLines(to: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { time, level, msg = '', ...fields } = JSON.parse(line) as Record<string, unknown>;
      const words = Object.entries(fields).map(([name, value]) => `${name}=${printed(value)}`);
      to.write(`${[time, String(level).toUpperCase().padEnd(5), printedMessage(msg), ...words].join(' ')}\n`);
    },
  };
}

function printed(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/+-]+$/.test(value) ? value : JSON.stringify(value);
}

function printedMessage(message: unknown): string {
  const text = String(message);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these would break a line, or paint a terminal.
  return /[\u0000-\u001f\u007f-\u009f]/.test(text) ? JSON.stringify(text) : text;
}
