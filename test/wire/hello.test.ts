import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/base/bytes.ts';
import { BadMessageError, StoreError } from '../../src/base/errors.ts';
import { WireHello } from '../../src/wire/generated/hello.ts';
import { decodeHello, encodeHello, type Hello } from '../../src/wire/hello.ts';
import { makeCertificate, makeNetwork } from './signing.ts';

async function sample(): Promise<Hello> {
  const network = await makeNetwork();
  const { envelope } = await makeCertificate(network);
  const addrs = ['/ip4/192.0.2.7/tcp/4001', '/ip6/2001:db8::1/tcp/4001'];
  const { networkId, parameters } = network;
  return { networkId, role: 'peer', certificate: envelope, addrs, agent: 'test', parameters };
}

function damaged(hello: Hello, fields: Partial<WireHello>): Uint8Array {
  return WireHello.encode({ ...WireHello.decode(encodeHello(hello)), ...fields });
}

describe('a hello', () => {
  it('comes back as it was said', async () => {
    const hello = await sample();
    expect(decodeHello(encodeHello(hello))).toEqual(hello);
  });

  it('may leave out what its sender does not have', () => {
    const nothing = new Uint8Array(0);
    const hello: Hello = {
      networkId: nothing,
      role: 'client',
      certificate: nothing,
      addrs: [],
      agent: '',
      parameters: nothing,
    };
    expect(decodeHello(encodeHello(hello))).toEqual(hello);
  });

  it('ignores fields that it does not know, so that a network can be upgraded peer by peer', async () => {
    const hello = await sample();
    const later = concatBytes([encodeHello(hello), Uint8Array.of(0xf2, 0x07, 3, 1, 2, 3)]);
    expect(decodeHello(later)).toEqual(hello);
  });

  it('is refused with any part out of range', async () => {
    const hello = await sample();
    const wrong: Partial<WireHello>[] = [
      { version: 2 },
      { role: 'root' },
      { networkId: new Uint8Array(31) },
      { certificate: new Uint8Array(5000) },
      { parameters: new Uint8Array(5000) },
      { addrs: ['not an address'] },
      { addrs: [''] },
      { addrs: [`/dns4/${'a'.repeat(300)}/tcp/1`] },
      { addrs: Array.from({ length: 17 }, () => '/ip4/127.0.0.1/tcp/1') },
    ];
    for (const fields of wrong) expect(() => decodeHello(damaged(hello, fields))).toThrow(BadMessageError);
    expect(() => decodeHello(damaged(hello, { version: 2 }))).toThrow(/version 2, where 1 is spoken/);
  });

  it('of arbitrary bytes is refused by name, and never harms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => decodeHello(bytes)).toThrow(StoreError);
      }),
      { numRuns: 500 },
    );
    expect(() => decodeHello(new Uint8Array(20_000))).toThrow(/16384 are allowed/);
  });
});
