/**
 * Kills a process that stores without pause, at random moments, again and again on one directory, and checks after each
 * kill what it left against what it had said.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/random.ts';
import { toHex } from '../../src/base/bytes.ts';
import { loadNewest, sha256, temporaryDirectory, withStorage } from './samples.ts';

const ROUNDS = 12;
const LINES_BEFORE_KILL_MAX = 250;
const SEED = 20_260_731;

/** Of a name: what was acknowledged, and what was begun after that, each a counter and a content's hash, or neither. */
type Told = { acknowledged: string; begun: string; acknowledgements: number };
type Story = Map<string, Told>;

const NOTHING = '0 nothing';

/** Lets a process store until it has said so many lines and some microseconds more, then kills it. */
async function storeAndKill(path: string, seed: number, lines: number, story: Story): Promise<void> {
  const script = join(import.meta.dirname, 'storing-process.ts');
  const flags = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, script, path, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let left = lines;
  for await (const line of createInterface(child.stdout)) {
    const [verb, counter = '', hash = '', ...name] = line.split(' ');
    const told = story.get(name.join(' ')) ?? { acknowledged: NOTHING, begun: NOTHING, acknowledgements: 0 };
    if (verb === 'begin') told.begun = `${counter} ${hash}`;
    if (verb === 'done') {
      told.acknowledged = told.begun;
      told.acknowledgements++;
    }
    if (verb !== 'ready') story.set(name.join(' '), told);
    if (left-- === 0) child.kill('SIGKILL');
  }
  expect(await ended).toEqual([null, 'SIGKILL']);
}

async function check(path: string, story: Story): Promise<void> {
  await withStorage(path, async (storage) => {
    for (const [name, told] of story) {
      const record = await storage.record(name);
      const bytes = await loadNewest(storage, name);
      const content = bytes === undefined ? 'removed' : toHex(sha256(bytes));
      const found = record === undefined ? NOTHING : `${String(record.version.counter)} ${content}`;
      expect([told.acknowledged, told.begun], name).toContain(found);
      told.acknowledged = told.begun = found;
    }
    const { files } = storage.totals;
    const inFiles = await readdir(join(path, 'files'), { recursive: true, withFileTypes: true });
    expect(inFiles.filter((entry) => entry.isFile())).toHaveLength(files);
    expect(await readdir(join(path, 'incoming'))).toEqual([]);
  });
}

describe('a process killed while it stores', () => {
  it('keeps all it acknowledged, and has each name old or new', async () => {
    const random = seededRandom(SEED);
    await temporaryDirectory(async (path) => {
      const story: Story = new Map();
      for (let round = 0; round < ROUNDS; round++) {
        await storeAndKill(path, round, randomBelow(random, LINES_BEFORE_KILL_MAX), story);
        await check(path, story);
      }
      const acknowledged = [...story.values()].reduce((sum, told) => sum + told.acknowledgements, 0);
      expect(acknowledged).toBeGreaterThan(ROUNDS * 10);
    });
  }, 120_000);
});
