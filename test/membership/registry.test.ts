import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NotPermittedError } from '../../src/base/errors.ts';
import { IdSpace, type NodeId } from '../../src/id/id-space.ts';
import type { Certificate } from '../../src/membership/certificate.ts';
import { memberVoids } from '../../src/membership/member-list.ts';
import { LEFT_REMEMBERED_MAX, MEMBERS_MAX, Registry, type RegistryChange } from '../../src/membership/registry.ts';

const space = new IdSpace(16);
const networkId = new Uint8Array(32);

function emptyRegistry(): Registry {
  return new Registry(space, { epoch: 0, serial: 0, registrations: [] });
}

function certificateOf({ put }: RegistryChange): Certificate {
  const { nodeId, peerId, incarnation, serial } = put;
  return { networkId, role: 'peer', nodeId, peerId, incarnation, serial };
}

function admit(
  registry: Registry,
  peerId: string,
  options: { wantedId?: NodeId; presented?: Certificate | undefined; chosenIdsAllowed?: boolean } = {},
): Certificate {
  const change = registry.admit({ peerId, chosenIdsAllowed: false, ...options });
  registry.apply(change);
  return certificateOf(change);
}

function leave(registry: Registry, peerId: string): void {
  const change = registry.leave(peerId);
  if (change !== undefined) registry.apply(change);
}

describe('admission', () => {
  it('changes nothing before the change is applied', () => {
    const registry = emptyRegistry();
    registry.admit({ peerId: 'a', chosenIdsAllowed: false });
    expect(registry.member('a')).toBeUndefined();
    expect(registry.epoch).toBe(0);
  });

  it('gives a returning peer its id, the same incarnation, a higher serial, and no new epoch', () => {
    const registry = emptyRegistry();
    const first = admit(registry, 'a');
    admit(registry, 'b');
    const { epoch } = registry;
    const again = admit(registry, 'a', { presented: first });
    expect(again).toMatchObject({ nodeId: first.nodeId, incarnation: 1, serial: 3 });
    expect(registry.epoch).toBe(epoch);
  });

  it('begins a new incarnation when the certificate is lost, or older than the last one', () => {
    const registry = emptyRegistry();
    const first = admit(registry, 'a');
    const second = admit(registry, 'a', { presented: first });
    expect(second.incarnation).toBe(1);
    const restored = admit(registry, 'a', { presented: first });
    expect(restored).toMatchObject({ nodeId: first.nodeId, incarnation: 2 });
    expect(registry.epoch).toBe(2);
    expect(admit(registry, 'a')).toMatchObject({ nodeId: first.nodeId, incarnation: 3 });
    expect(registry.epoch).toBe(3);
  });

  it('gives a wanted id only where ids may be chosen, and only if it is free', () => {
    const registry = emptyRegistry();
    const wantedId = space.position(0xa1b2);
    expect(() => admit(registry, 'a', { wantedId })).toThrow(/--allow-chosen-ids/);
    expect(admit(registry, 'a', { wantedId, chosenIdsAllowed: true }).nodeId).toBe(wantedId);
    expect(() => admit(registry, 'b', { wantedId, chosenIdsAllowed: true })).toThrow(/the node id a1b2 is taken/);
    expect(() => admit(registry, 'b', { wantedId, chosenIdsAllowed: true })).toThrow(NotPermittedError);
  });

  it('lets a member ask for the id that it has, and for no other', () => {
    const registry = emptyRegistry();
    const first = admit(registry, 'a');
    expect(admit(registry, 'a', { presented: first, wantedId: first.nodeId }).nodeId).toBe(first.nodeId);
    const wantedId = space.position(7);
    expect(() => admit(registry, 'a', { wantedId, chosenIdsAllowed: true })).toThrow(/cannot have 0007 as well/);
  });

  it('gives a peer back the id that its certificate shows when the registry is an older copy', () => {
    const registry = emptyRegistry();
    admit(registry, 'a');
    admit(registry, 'b');
    const certificate = admit(registry, 'c');
    const rebuilt = emptyRegistry();
    const back = admit(rebuilt, 'c', { presented: certificate });
    expect(back.nodeId).toBe(certificate.nodeId);
    expect(back.serial).toBeGreaterThan(certificate.serial);
    expect(back.incarnation).toBe(2);
  });

  it('gives another id where a rebuilt registry has given that one away', () => {
    const rebuilt = emptyRegistry();
    const { nodeId } = admit(rebuilt, 'x');
    const presented: Certificate = { networkId, role: 'peer', peerId: 'c', nodeId, incarnation: 1, serial: 9 };
    const back = admit(rebuilt, 'c', { presented });
    expect(back.nodeId).not.toBe(nodeId);
    expect(back.serial).toBe(10);
  });

  it('refuses more members than a network may have', () => {
    const wide = new IdSpace(32);
    const registrations = Array.from({ length: MEMBERS_MAX }, (_, i) => ({
      nodeId: wide.position(i * 7),
      peerId: `peer ${String(i)}`,
      incarnation: 1,
      status: 'member' as const,
      serial: i + 1,
    }));
    const registry = new Registry(wide, { epoch: 1, serial: MEMBERS_MAX, registrations });
    expect(() => registry.admit({ peerId: 'one more', chosenIdsAllowed: false })).toThrow(/the network is full/);
  });
});

describe('leaving', () => {
  it('frees the id, with a new epoch, and keeps the member in the list as one that left', () => {
    const registry = emptyRegistry();
    const { nodeId } = admit(registry, 'a');
    leave(registry, 'a');
    expect(registry.member('a')).toBeUndefined();
    expect(registry.memberList(networkId)).toMatchObject({ epoch: 2, members: [{ peerId: 'a', status: 'left' }] });
    expect(admit(registry, 'b').nodeId).toBe(nodeId);
  });

  it('is no mistake to ask for twice, and not permitted to a stranger', () => {
    const registry = emptyRegistry();
    admit(registry, 'a');
    leave(registry, 'a');
    expect(registry.leave('a')).toBeUndefined();
    expect(() => registry.leave('stranger')).toThrow(NotPermittedError);
  });

  it('makes the old certificate void for good: who comes back is a new member in a later incarnation', () => {
    const registry = emptyRegistry();
    const before = admit(registry, 'a');
    leave(registry, 'a');
    const left = registry.memberList(networkId).members[0];
    expect(left && memberVoids(left, before)).toBe(true);
    const after = admit(registry, 'a', { presented: before });
    expect(after.incarnation).toBe(2);
    const member = registry.memberList(networkId).members[0];
    expect(member && memberVoids(member, before)).toBe(true);
    expect(member && memberVoids(member, after)).toBe(false);
  });

  it('remembers only the latest ones that left', () => {
    const registry = emptyRegistry();
    for (let i = 0; i < LEFT_REMEMBERED_MAX + 10; i++) {
      admit(registry, `peer ${String(i)}`);
      leave(registry, `peer ${String(i)}`);
    }
    const { members } = registry.memberList(networkId);
    expect(members).toHaveLength(LEFT_REMEMBERED_MAX);
    expect(members.some(({ peerId }) => peerId === 'peer 9')).toBe(false);
    expect(members.some(({ peerId }) => peerId === 'peer 10')).toBe(true);
  });
});

type Step = { peer: number; kind: 'fresh' | 'current' | 'stale' | 'wanted' | 'leave' | 'restart'; wanted: number };

describe('whatever happens', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    peer: fc.integer({ min: 0, max: 7 }),
    kind: fc.constantFrom('fresh', 'current', 'stale', 'wanted', 'leave', 'restart'),
    wanted: fc.integer({ min: 0, max: 3 }),
  });

  it('no two members share an id, ids are kept, serials and epochs rise', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let registry = emptyRegistry();
        const held = new Map<string, Certificate[]>();
        const ids = new Map<string, NodeId>();
        let serial = 0;
        let list = JSON.stringify(registry.memberList(networkId));
        for (const { peer, kind, wanted } of steps) {
          const peerId = `peer ${String(peer)}`;
          const before = registry.epoch;
          const certificates = held.get(peerId) ?? [];
          if (kind === 'restart') registry = new Registry(space, stateOf(registry));
          else if (kind === 'leave') {
            if (certificates.length > 0) leave(registry, peerId);
            ids.delete(peerId);
          } else {
            const presented = kind === 'current' ? certificates.at(-1) : kind === 'stale' ? certificates[0] : undefined;
            const wish = kind === 'wanted' ? { wantedId: space.position(wanted), chosenIdsAllowed: true } : {};
            const certificate = attempt(() => admit(registry, peerId, { presented, ...wish }));
            if (certificate !== undefined) {
              expect(certificate.serial).toBeGreaterThan(serial);
              expect(certificate.nodeId).toBe(ids.get(peerId) ?? certificate.nodeId);
              serial = certificate.serial;
              ids.set(peerId, certificate.nodeId);
              const known = certificates.at(-1);
              const sameLife = presented !== undefined && presented === known && known.incarnation > 0;
              if (known !== undefined && !sameLife) expect(certificate.incarnation).toBeGreaterThan(known.incarnation);
              held.set(peerId, [...certificates, certificate]);
            }
          }
          expect(new Set(ids.values()).size).toBe(ids.size);
          expect(registry.memberPeerIds().sort()).toEqual([...ids.keys()].sort());
          expect(registry.epoch).toBeGreaterThanOrEqual(before);
          const now = JSON.stringify({ ...registry.memberList(networkId), epoch: 0 });
          expect(registry.epoch > before).toBe(now !== JSON.stringify({ ...(JSON.parse(list) as object), epoch: 0 }));
          list = JSON.stringify(registry.memberList(networkId));
        }
      }),
    );
  });
});

/** What a driver would have made durable. */
function stateOf(registry: Registry) {
  const registrations = registry
    .memberList(networkId)
    .members.map((member) => ({ ...member, serial: registry.member(member.peerId)?.serial ?? 0 }));
  return { epoch: registry.epoch, serial: registry.serial, registrations };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof NotPermittedError) return undefined;
    throw error;
  }
}
