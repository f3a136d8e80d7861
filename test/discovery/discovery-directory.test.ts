import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { StorageLockedError, StorageUnusableError, UsageError } from '../../src/base/errors.ts';
import { openDiscoveryDirectory } from '../../src/discovery/discovery-directory.ts';
import { loadKey, loadOrMakeKey } from '../../src/store/key-file.ts';
import { RegistryFile } from '../../src/discovery/registry-file.ts';
import type { NetworkParameters } from '../../src/membership/network-parameters.ts';
import { openCertificate } from '../../src/wire/membership.ts';
import { space } from '../wire/signing.ts';
import { discover, makeDir } from './network.ts';

/** Opens it and closes it again. */
async function opened(dir: string, wanted: Partial<NetworkParameters> = {}) {
  const founded = await openDiscoveryDirectory(dir, wanted);
  await founded.file.close();
  return founded;
}

describe('the directory of a discovery peer', () => {
  it('is made at the first start, its keys readable by nobody else', async () => {
    const dir = join(await makeDir(), 'not', 'there', 'yet');
    await opened(dir);
    expect((await readdir(dir)).sort()).toEqual(['network.key', 'peer.key', 'registry']);
    for (const name of ['network.key', 'peer.key']) expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
    expect((await stat(dir)).mode & 0o077).toBe(0);
  });

  it('keeps network and identity from then on', async () => {
    const dir = await makeDir();
    const [first, second] = [await opened(dir, { name: 'one' }), await opened(dir)];
    expect(toHex(second.networkId)).toBe(toHex(first.networkId));
    expect(second.parametersEnvelope).toEqual(first.parametersEnvelope);
    expect(second.certificate).toEqual(first.certificate);
    expect(second.parameters.name).toBe('one');
  });

  it('gets a new identity in the same network when only the peer key is lost', async () => {
    const dir = await makeDir();
    const first = await opened(dir);
    await rm(join(dir, 'peer.key'));
    const second = await opened(dir);
    expect(toHex(second.networkId)).toBe(toHex(first.networkId));
    const certificates = [first, second].map(({ certificate }) => openCertificate(certificate, first.networkId, space));
    const [before, after] = certificates;
    expect(after?.peerId).not.toBe(before?.peerId);
    expect(after?.serial).toBeGreaterThan(before?.serial ?? Infinity);
  });

  it('takes the same parameters again and no others', async () => {
    const dir = await makeDir();
    await opened(dir, { replicas: 3, repairDelayMs: 1000 });
    await opened(dir, { replicas: 3 });
    const changed = opened(dir, { replicas: 2, repairDelayMs: 5, name: 'p2p' });
    await expect(changed).rejects.toThrow(UsageError);
    await expect(changed).rejects.toThrow(/replicas is 3, not 2; repairDelayMs is 1000, not 5; leave that out/);
    await opened(dir);
  });

  it('founds no network with parameters out of range', async () => {
    const dir = await makeDir();
    await expect(opened(dir, { replicas: 99 })).rejects.toThrow(UsageError);
    await opened(dir, { replicas: 2 });
  });

  it('is refused without the network key, or with another one, and left as it is', async () => {
    const [dir, otherDir] = [await makeDir(), await makeDir()];
    await opened(dir);
    await opened(otherDir);
    const key = await readFile(join(dir, 'network.key'));
    await rm(join(dir, 'network.key'));
    await expect(opened(dir)).rejects.toThrow(/network.key is missing; .* restore it from a backup/);
    expect(await readdir(dir)).not.toContain('network.key');
    await writeFile(join(dir, 'network.key'), await readFile(join(otherDir, 'network.key')));
    await expect(opened(dir)).rejects.toThrow(/key of another network/);
    await writeFile(join(dir, 'network.key'), key);
    await opened(dir);
  });

  it('is refused with a damaged key or row, by name', async () => {
    const dir = await makeDir();
    await opened(dir);
    const file = await RegistryFile.open(join(dir, 'registry'));
    const put = { nodeId: space.position(0), peerId: 'x', incarnation: 1, status: 'member', serial: NaN } as const;
    await file.save({ epoch: 2, serial: 2, put, forget: [] }, { certificate: new Uint8Array(0), addrs: [] });
    await file.close();
    await expect(opened(dir)).rejects.toThrow(/is damaged: member x; restore it/);
    await writeFile(join(dir, 'network.key'), 'nonsense');
    await expect(opened(dir)).rejects.toThrow(StorageUnusableError);
  });

  it('serves one process at a time', async () => {
    const dir = await makeDir();
    const first = await discover({ dir });
    await expect(discover({ dir })).rejects.toThrow(StorageLockedError);
    await first.stop();
    await discover({ dir });
  });
});

describe('a key file', () => {
  it('is made once and kept', async () => {
    const path = join(await makeDir(), 'some.key');
    expect(await loadKey(path)).toBeUndefined();
    const made = await loadOrMakeKey(path);
    expect((await loadOrMakeKey(path)).equals(made)).toBe(true);
  });

  it('that a crash left half-written does no harm', async () => {
    const path = join(await makeDir(), 'some.key');
    await writeFile(`${path}.new`, 'half');
    const made = await loadOrMakeKey(path);
    expect((await loadKey(path))?.equals(made)).toBe(true);
  });

  it('that is no key is refused and not overwritten', async () => {
    const path = join(await makeDir(), 'some.key');
    await writeFile(path, 'nonsense');
    await chmod(path, 0o600);
    await expect(loadOrMakeKey(path)).rejects.toThrow(/holds no private key/);
    expect(await readFile(path, 'utf8')).toBe('nonsense');
  });
});
