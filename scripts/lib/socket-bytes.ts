/**
 * What has gone over the TCP sockets of a process, as the kernel counts it for each: payload, so with Noise and yamux and
 * without TCP's and IP's own headers. A socket that is closed is not counted any more: connections must stay open for as
 * long as something is measured.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export type SocketBytes = {
  /** Address and port. */
  readonly local: string;
  readonly remote: string;
  readonly sent: number;
  readonly received: number;
};

const OUTPUT_BYTES_MAX = 64 * 1024 ** 2;
const run = promisify(execFile);

/** Of each connection that the process has. @throws Error where there is no `ss`, of iproute2 */
export async function socketBytes(pid: number): Promise<SocketBytes[]> {
  const { stdout } = await run('ss', ['--tcp', '--info', '--numeric', '--processes', '--oneline', '--no-header'], {
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  return stdout
    .split('\n')
    .filter((line) => line.includes(`,pid=${pid},`))
    .map((line) => {
      const [, , , local = '', remote = ''] = line.split(/\s+/);
      // A counter that is 0 is left out.
      const counter = (name: string) => Number(new RegExp(` ${name}:(\\d+)`).exec(line)?.[1] ?? 0);
      return { local, remote, sent: counter('bytes_sent'), received: counter('bytes_received') };
    });
}

/** What has been added. @throws Error when a connection was closed meanwhile, and nobody knows its last count */
export function since(
  before: readonly SocketBytes[],
  after: readonly SocketBytes[],
): { sent: number; received: number } {
  const idOf = ({ local, remote }: SocketBytes) => `${local} ${remote}`;
  const start = new Map(before.map((socket) => [idOf(socket), socket]));
  const sum = { sent: 0, received: 0 };
  for (const socket of after) {
    const former = start.get(idOf(socket));
    start.delete(idOf(socket));
    sum.sent += socket.sent - (former?.sent ?? 0);
    sum.received += socket.received - (former?.received ?? 0);
  }
  if (start.size > 0) throw new Error(`${start.size} connections were closed while their bytes were counted`);
  return sum;
}
