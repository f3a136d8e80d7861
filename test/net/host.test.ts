import { afterEach, describe, expect, it } from 'vitest';
import { eventually, Hosts, policy } from './hosts.ts';

const ECHO = '/test/echo/1.0.0';
const WAIT = { timeoutMs: 5_000 };
const hosts = new Hosts();
afterEach(() => hosts.stop());

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

async function echoHost(options = {}) {
  const server = await hosts.start(options);
  await server.host.handle(ECHO, async (stream) => {
    for (;;) {
      const frame = await stream.readFrame(1 << 20, WAIT);
      if (frame === undefined) return;
      await stream.writeFrame(frame, WAIT);
    }
  });
  return server;
}

describe('Host', () => {
  it('opens a stream, exchanges frames, and closes cleanly', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [] });
    const stream = await client.host.open(server.target, ECHO, WAIT);
    for (const message of ['one', '', 'three']) {
      await stream.writeFrame(bytes(message), WAIT);
      expect(text(await stream.readFrame(100, WAIT))).toBe(message);
    }
    await stream.closeWrite(WAIT);
    expect(await stream.readFrame(100, WAIT)).toBeUndefined();
    await eventually(() => stream.closed);
    expect(client.host.addrs()).toEqual([]);
    expect(server.log.lines).toEqual([]);
    expect(client.log.lines).toEqual([]);
  });

  it('says who is there, by address alone', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [] });
    const remote = await client.host.meet({ addrs: server.target.addrs }, WAIT);
    expect(remote).toEqual({ peerId: server.host.peerId, role: 'peer' });
    await eventually(() => server.host.identityOf(client.host.peerId) !== undefined);
  });

  it('tells a client whose hello is refused, and logs why', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [], policy: policy('salut') });
    await expect(client.host.meet(server.target, WAIT)).rejects.toMatchObject({ code: 'HELLO_REFUSED' });
    await eventually(() => server.log.codes().includes('HELLO_REFUSED'));
    const stream = client.host.open(server.target, ECHO, WAIT).then((s) => s.readFrame(10, WAIT));
    await expect(stream).rejects.toMatchObject({ code: 'HELLO_REFUSED' });
  });
});
