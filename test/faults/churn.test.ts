/**
 * A network that grows and shrinks under its users: twenty peers join and ten leave while two people store, overwrite,
 * fetch and remove without pause. Nothing that was acknowledged may be missing, old or back from the dead, at any
 * moment; and in the end every file lies on its three closest peers, and nowhere else.
 */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { FileStore } from '../../src/client/file-store.ts';
import { pseudoRandom, sha256 } from '../e2e/harness/content.ts';
import { untilPlaced, type ExpectedFile } from '../e2e/harness/holders.ts';
import { Network, type Peer } from '../e2e/harness/network.ts';

const PEERS = 8;
const JOINING = 20;
const LEAVING = 10;
const COPIES = 3;
const NAMES_EACH = 60;
const IN_FLIGHT = 4;
/** What no change of the ring points out, the next comparison without a reason finds: within 75 s. */
const PLACED_MS_MAX = 120_000;
const TIMEOUT_MS = 480_000;

let network: Network;
beforeAll(async () => {
  network = await Network.start({
    title: 'churn',
    peers: PEERS,
    replicas: COPIES,
    discoveryArgs: ['--repair-delay', '0'],
  });
});
afterAll(() => network.close());

/** What a person knows of a name; undefined: it is not there. Several: it is unknown which of them. */
type Known = readonly (string | undefined)[];

/** One person, who works on names of their own, each by one operation at a time. */
class Person {
  readonly known = new Map<string, Known>();
  readonly wrong: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #store: FileStore;
  readonly #title: string;
  readonly #random: () => number;
  #seed: number;

  constructor(store: FileStore, title: string, seed: number) {
    this.#store = store;
    this.#title = title;
    this.#seed = seed;
    this.#random = seededRandom(seed);
  }

  /** Works until it is told to stop. */
  async work(over: AbortSignal): Promise<void> {
    const worker = async (index: number): Promise<void> => {
      while (!over.aborted) {
        const name = `${this.#title} ${String(IN_FLIGHT * Math.floor((this.#random() * NAMES_EACH) / IN_FLIGHT) + index)}`;
        const choice = this.#random();
        const action = choice < 0.4 ? 'fetch' : choice < 0.9 ? 'store' : 'remove';
        const begun = performance.now();
        await this[action](name);
        const seconds = (performance.now() - begun) / 1000;
        this.#count(action);
        if (seconds > 5) this.#count(`${action} > 5 s`);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, (_, index) => worker(index)));
  }

  async store(name: string): Promise<void> {
    const content = pseudoRandom(Math.floor(this.#random() * 20_000), ++this.#seed);
    const hash = sha256(content);
    await this.#change(name, hash, () => this.#store.store(name, content));
  }

  async remove(name: string): Promise<void> {
    if (this.#mayBe(name).includes(undefined)) return;
    await this.#change(name, undefined, () => this.#store.remove(name));
  }

  async fetch(name: string): Promise<void> {
    const expected = this.#mayBe(name);
    const parts: Uint8Array[] = [];
    try {
      await this.#store.fetch(name, {
        write: (more) => {
          parts.push(...more.map((part) => Buffer.from(part)));
          return Promise.resolve();
        },
      });
      const hash = sha256(Buffer.concat(parts));
      if (!expected.includes(hash)) this.wrong.push(`${name} has other content than what was acknowledged`);
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND' && expected.includes(undefined)) return;
      this.wrong.push(`${new Date().toISOString()} fetching ${name}: ${String(error)}`);
    }
  }

  #mayBe(name: string): Known {
    return this.known.get(name) ?? [undefined];
  }

  async #change(name: string, to: string | undefined, change: () => Promise<unknown>): Promise<void> {
    try {
      await change();
      this.known.set(name, [to]);
    } catch (error) {
      const code = codeOf(error);
      this.#count(String(code));
      // Status 10 says that it is not known; status 4 that nothing was changed.
      if (code === 'OUTCOME_UNKNOWN') this.known.set(name, [...this.#mayBe(name), to]);
      else if (code !== 'TOO_FEW_REPLICAS') this.wrong.push(`changing ${name}: ${String(error)}`);
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** The library is a bundle with classes of its own. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

async function leave(peer: Peer): Promise<void> {
  const { status, stderr } = await network.run('p2p-peer', ['leave', '--storage', peer.storage]);
  expect(status, stderr).toBe(0);
  await peer.ended();
}

it('keeps every acknowledged change while twenty peers join and ten leave', { timeout: TIMEOUT_MS }, async () => {
  const people = [
    new Person(await network.connect(network.file('one')), 'one', 1),
    new Person(await network.connect(network.file('two')), 'two', 1_000_000),
  ];
  const over = new AbortController();
  const working = Promise.all(people.map((person) => person.work(over.signal)));
  try {
    for (let round = 0; round < LEAVING; round++) {
      await network.addPeers(JOINING / LEAVING);
      const running = network.peers.filter((peer) => peer.running);
      await leave(running[(round * 7) % running.length] as Peer);
    }
  } finally {
    over.abort();
    await working;
  }
  for (const person of people)
    console.log([...person.counts].map(([what, count]) => `${what}: ${String(count)}`).join(', '));
  for (const person of people) expect(person.wrong).toEqual([]);

  const files: ExpectedFile[] = [];
  for (const person of people) {
    for (const name of person.known.keys()) {
      await person.fetch(name);
      if (person.known.get(name)?.length !== 1) await person.store(name);
      const known = person.known.get(name) ?? [];
      const [hash] = known;
      if (known.length === 1 && hash !== undefined) files.push({ name, sha256: hash });
    }
    expect(person.wrong).toEqual([]);
  }
  const ms = await untilPlaced(network, files, COPIES, PLACED_MS_MAX);
  console.log(`${String(files.length)} files placed after ${ms.toFixed(0)} ms`);
});
