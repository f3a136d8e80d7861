/**
 * Run as a process of its own by faults.test.ts, with a low limit of descriptors: reads until there are none left, says
 * what every kind of request gets then, lets go of them, and says what goes on.
 */

import { codeOf } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { StoredContent } from '../../src/store/stored-content.ts';
import { content, stage, store } from './samples.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const READERS_MAX = 1000;

const storage = await StorageDirectory.open(process.argv[2] ?? '', { log: silentLog });
for (const name of NAMES) await store(storage, name, 1, content(5000));
await storage.settle();
const record = await storage.record('a');
if (record === undefined) throw new Error('it was not stored');

const readers: StoredContent[] = [];
const refusals: string[] = [];
const refused = (error: unknown) => refusals.push(codeOf(error));
for (let i = 0; i < READERS_MAX && refusals.length === 0; i++) {
  await storage.openContent(record).then((reader) => readers.push(reader), refused);
}
await stage(storage, content(100)).catch(refused);
await storage.verify('b').catch(refused);

await Promise.all(readers.map((reader) => reader.close()));
const verdicts = await Promise.all(NAMES.map((name) => storage.verify(name)));
await store(storage, 'later', 1, content(100));
const good = verdicts.filter((verdict) => verdict === 'good').length;
process.stdout.write(`${refusals.join(' ')}; ${String(good)} good, ${String(storage.totals.files)} files\n`);
await storage.close();
