/**
 * One line of a scenario file, read word by word: keywords, ids in hex, spans of time, shares. Whatever is not as
 * expected ends the scenario with the file, the line and what was wanted there.
 */

import { defined } from '../../src/base/assert.ts';
import type { IdSpace, NodeId } from '../../src/id/id-space.ts';

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
]);

export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

export class ScenarioLine {
  /** `file:line: text`, for messages. */
  readonly where: string;
  private readonly words: string[];
  private index = 0;

  constructor(where: string, text: string) {
    this.where = `${where}: ${text}`;
    this.words = text.split(/[\s,]+/);
  }

  fail(complaint: string): never {
    throw new ScenarioError(`${this.where}\n  ${complaint}`);
  }

  /** The next word, which must be there. */
  word(wanted: string): string {
    return this.words[this.index++] ?? this.fail(`${wanted} is missing at the end`);
  }

  /** Whether these words come next; if so, they are taken. */
  takes(phrase: string): boolean {
    const wanted = phrase.split(' ');
    if (wanted.some((word, i) => this.words[this.index + i] !== word)) return false;
    this.index += wanted.length;
    return true;
  }

  must(phrase: string): void {
    if (!this.takes(phrase)) this.fail(`"${phrase}" expected in place of "${this.words[this.index] ?? 'the end'}"`);
  }

  end(): void {
    const rest = this.words.slice(this.index);
    if (rest.length > 0) this.fail(`too much: "${rest.join(' ')}"`);
  }

  id(space: IdSpace): NodeId {
    const word = this.word('an id');
    return space.parse(word) ?? this.fail(`"${word}" is no id of ${String(space.digits)} hex digits`);
  }

  /** Ids up to the next word that is none; at least one. */
  ids(space: IdSpace): NodeId[] {
    const ids = [this.id(space)];
    for (let word = this.words[this.index]; word !== undefined; word = this.words[this.index]) {
      const id = space.parse(word);
      if (id === undefined) break;
      ids.push(id);
      this.index += 1;
    }
    return ids;
  }

  number(wanted: string): number {
    const word = this.word(wanted);
    return /^\d+$/.test(word) ? Number(word) : this.fail(`"${word}" is not ${wanted}`);
  }

  /** `20s`, `500ms`, `2m`. */
  ms(): number {
    const word = this.word('a span of time');
    const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(word);
    if (match === null) this.fail(`"${word}" is no span of time`);
    return Number(match[1]) * defined(UNITS_MS.get(match[2] ?? ''), 'a unit of time');
  }

  /** `5%`. */
  share(): number {
    const word = this.word('a share');
    const match = /^(\d+(?:\.\d+)?)%$/.exec(word);
    return match === null ? this.fail(`"${word}" is no share`) : Number(match[1]) / 100;
  }

  /** A limit at the end of the line; 0 when there is none. */
  within(): number {
    const limit = this.takes('within') ? this.ms() : 0;
    this.end();
    return limit;
  }
}
