/**
 * Storage directories that hold very many files, filled by the store's own code without any network: the same records,
 * signed once, go to each. A process of its own, which takes one order as JSON and ends when it is carried out. It
 * leaves syncing to its caller, since nothing is measured meanwhile.
 */

import { createHash, randomBytes } from 'node:crypto';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { silentLog } from '../../src/base/log.ts';
import { defined } from '../../src/base/assert.ts';
import { PeerMemory } from '../../src/peer/peer-memory.ts';
import { nodeFileSystem } from '../../src/store/file-system.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import { merkleRoot } from '../../src/wire/merkle.ts';
import { signRecord, type SignedRecord } from '../../src/wire/record.ts';
import { heldName, type HeldOrder } from './held-order.ts';

const AT_ONCE = 512;
const VERSION_TAG_BYTES = 16;
const NO_SYNC = {
  ...nodeFileSystem,
  datasync: () => Promise.resolve(),
  syncDirectory: () => Promise.resolve(),
};

/** @param paths directories of peers that are members of one network, and do not run */
async function fill(paths: readonly string[], count: number): Promise<void> {
  const directories = await Promise.all(paths.map((path) => open(path)));
  try {
    const [first] = directories;
    const network = await new PeerMemory(defined(first, 'a directory').settings, silentLog).network();
    const { networkId, parameters } = defined(network, 'a member knows its network');
    const key = await generateKeyPair('Ed25519');
    let next = 0;
    const worker = async () => {
      while (next < count) {
        const name = heldName(next++);
        const content = contentOf(name);
        const sha256 = createHash('sha256').update(content).digest();
        const record = signRecord(key, {
          networkId,
          name,
          version: { counter: 1, tag: new Uint8Array(randomBytes(VERSION_TAG_BYTES)) },
          tombstone: false,
          size: content.length,
          sha256,
          chunkBytes: parameters.chunkBytes,
          merkleRoot: merkleRoot([sha256]),
          replicas: parameters.replicas,
          formerOwnerConsent: new Uint8Array(0),
          modifiedMs: 0,
          mode: 0,
          shared: false,
        });
        await Promise.all(directories.map((directory) => put(directory, record, content)));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await Promise.all(directories.map((directory) => directory.close()));
  }
}

/** Takes files out again, record and all, as if they had never been there. */
async function forget(path: string, numbers: readonly number[]): Promise<void> {
  const directory = await open(path);
  try {
    for (const number of numbers) {
      const { name, version } = defined(await directory.record(heldName(number)), 'what is forgotten is there');
      await directory.drop(name, version);
    }
  } finally {
    await directory.close();
  }
}

/** A few bytes: what it costs to hold a file is looked at, not its content. */
function contentOf(name: string): Uint8Array {
  return Buffer.from(`${name}\n`);
}

function open(path: string): Promise<StorageDirectory> {
  return StorageDirectory.open(path, { log: silentLog, files: NO_SYNC });
}

async function put(directory: StorageDirectory, record: SignedRecord, content: Uint8Array): Promise<void> {
  const staged = await directory.stage({ chunkBytes: record.chunkBytes, sizeHint: content.length });
  await staged.write([content]);
  await staged.finish();
  await directory.commit(staged, record);
}

const order = JSON.parse(process.argv[2] ?? '') as HeldOrder;
if ('fill' in order) await fill(order.paths, order.fill);
else await forget(order.path, order.forget);
